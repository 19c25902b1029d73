/** What holds for all kinds: an empty answer, missing information and a huge answer have a defined end. */

import { describe, expect, test } from 'vitest'
import { SCORER_KINDS } from '../../../../src/evals/scorers/registry.ts'
import type { Sample } from '../../../../src/evals/scorers/scorer.ts'
import { judgeSample, saying, scoreOf, scriptedTools } from '../../../support/judge-sample.ts'
import { NEEDED } from '../../../support/needed-settings.ts'

/** Answers the one question that is put without regard to the answer. */
const NEEDED_SENTENCES = { needed: [1] }

const KNOWN: Partial<Sample> = {
  input: 'How long may shoes be returned?',
  expected: '30',
  contexts: ['within 30 days'],
  retrieved: { found: ['a'], relevant: ['a', 'b'] },
  finishReason: 'stop',
  latencyMs: 5,
  cost: 7n,
  assertions: { checks: [{ kind: 'contains', settings: { value: 'a' } }] },
}

/** Of an empty answer where all else is known. */
const EMPTY: Record<string, number | string> = {
  equals: 0,
  contains: 0,
  icontains: 0,
  'contains-any': 0,
  'contains-all': 0,
  'icontains-any': 0,
  'icontains-all': 0,
  'starts-with': 0,
  match: 0,
  includes: 0,
  'fuzzy-match': 0,
  regex: 0,
  'is-json': 0,
  'contains-json': 0,
  'json-match': 0,
  number: 0,
  'tool-calls-valid': 0,
  'tool-calls-match': 0,
  'tool-call-f1': 0,
  levenshtein: 0,
  'rouge-n': 0,
  'rouge-l': 0,
  bleu: 0,
  'word-count': 1,
  length: 0,
  language: 'abstained',
  refusal: 'abstained',
  abstains: 'abstained',
  'finish-reason': 1,
  latency: 5,
  cost: 7,
  'recall@k': 0.5,
  'precision@k': 0.1,
  'ndcg@k': 1 / (1 + 1 / Math.log2(3)),
  mrr: 1,
  'context-recall': 1,
  'context-precision': 1,
  'cites-context': 'abstained',
  'cited-sentences': 'abstained',
  javascript: 0,
  assertions: 0,
  grounded: 'abstained',
  'citation-recall': 'abstained',
  'citation-precision': 'abstained',
  rubric: 'abstained',
  'closed-qa': 'abstained',
  factuality: 'abstained',
  faithfulness: 'abstained',
  'answer-relevance': 'abstained',
  'context-relevance': 1,
  pairwise: 'abstained',
  jury: 'abstained',
  'judged-assertions': 'abstained',
}

/** Kinds that need nothing but the answer. */
const SELF_SUFFICIENT = [
  'regex',
  'is-json',
  'contains-json',
  'tool-calls-valid',
  'word-count',
  'length',
  'refusal',
  'abstains',
  'javascript',
  'rubric',
  'closed-qa',
]

/** Says whatever its question asks for. */
const judging = () =>
  scriptedTools(({ messages }) => {
    const isClosed = messages[0]?.content.includes('"meets"')
    return { reason: 'So it is.', ...(isClosed ? { meets: 'Y' } : { verdict: 'yes' }) }
  }).tools

describe('an empty answer', () => {
  test.each(SCORER_KINDS.map(({ kind }) => kind))('%s', async (kind) => {
    const value = await scoreOf(kind, NEEDED[kind] ?? {}, KNOWN, saying(NEEDED_SENTENCES).tools)

    expect(value).toEqual(typeof EMPTY[kind] === 'number' ? expect.closeTo(EMPTY[kind], 12) : EMPTY[kind])
  })
})

describe('missing information', () => {
  test.each(SCORER_KINDS.map(({ kind }) => kind))(
    '%s abstains with the reason, or needs none',
    async (kind) => {
      const sample = { output: 'An answer of some words.' }
      const outcome = await judgeSample(kind, NEEDED[kind] ?? {}, sample, judging())

      expect(outcome.outcome).toBe(SELF_SUFFICIENT.includes(kind) ? 'scored' : 'abstained')
      expect(outcome.reason).toMatch(/^[A-Z0-9].+\.$/)
    },
  )
})

describe('an answer of 50 MB', () => {
  const output = 'lorem ipsum [1] {x} "12", '.repeat(2_000_000)

  test.each(SCORER_KINDS.map(({ kind }) => kind))(
    '%s is judged or abstained from, with a bounded reason',
    async (kind) => {
      const toolCalls = [{ name: 'a', arguments: output }]
      const { tools } = saying(NEEDED_SENTENCES)
      const outcome = await judgeSample(kind, NEEDED[kind] ?? {}, { ...KNOWN, output, toolCalls }, tools)

      expect(['scored', 'abstained']).toContain(outcome.outcome)
      expect(JSON.stringify(outcome).length).toBeLessThan(6_000)
    },
  )

  test('is long enough', () => {
    expect(output.length).toBeGreaterThan(50_000_000)
  })
})
