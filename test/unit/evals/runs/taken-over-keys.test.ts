/** What makes two questions one: everything that was asked, and nothing else. */

import { describe, expect, test } from 'vitest'
import type { DatasetItem } from '../../../../src/evals/datasets/item.ts'
import type { RunContent, RunScorer } from '../../../../src/evals/runs/run-content.ts'
import { type AnswererOf, answerKey, judgementKey } from '../../../../src/evals/runs/taken-over/keys.ts'
import type { Sample } from '../../../../src/evals/scorers/scorer.ts'
import { measured, scorer } from '../../../support/measured-run.ts'

const CONTENT: RunContent = { ...measured([], {}).content, subject: { kind: 'model', model: 'up/m' } }
const ITEM: DatasetItem = { id: 'q1', input: 'How long?', expected: '30 days' }
const byName: AnswererOf = (_project, model) => model

type Asked = { project?: string; content?: Partial<RunContent>; item?: Partial<DatasetItem>; repeat?: number }
const answer = ({ project = 'prj_a', content, item, repeat = 0 }: Asked = {}, answererOf = byName) =>
  answerKey(answererOf, project, { ...CONTENT, ...content }, { item: { ...ITEM, ...item }, repeat })

describe('the key of an answer', () => {
  test('says what it is a hash of, so that no other hash is one', () => {
    // printf 'aval eval answer 1\n{"answerer":"up/m","body":{"messages":[{"content":"How long?","role":"user"}],"model":"up/m"},"project":"prj_a","repeat":0}' | sha256sum
    expect(answer()).toBe('d1667eb6272b50b12367ed8658668e84c35175a69be8d1b381fe252867156e18')
  })

  test.each<[string, Asked]>([
    ['project', { project: 'prj_b' }],
    ['repeat', { repeat: 1 }],
    ['seed', { content: { seed: 7 } }],
    ['parameter', { content: { parameters: { temperature: 0 } } }],
    ['model', { content: { subject: { kind: 'model', model: 'up/n' } } }],
    ['question', { item: { input: 'How long? ' } }],
    ['set of variables', { item: { variables: { name: 'Anna' } } }],
  ])('is another one for another %s', (_what, asked) => {
    expect(answer(asked)).toMatch(/^[0-9a-f]{64}$/)
    expect(answer(asked)).not.toBe(answer())
  })

  test('is another one where upstreams lead elsewhere, and none where nobody can tell', () => {
    expect(answer({}, () => 'somebody else')).not.toBe(answer())
    expect(answer({}, () => null)).toBeNull()
  })

  test.each<[string, Asked]>([
    ['how it is judged', { content: { scorers: [scorer()], coverage: 0.5, alpha: 0.01 } }],
    ['the suite, the dataset and the split', { content: { suite: 'other', split: 'test' } }],
    ['the item’s name and what is expected', { item: { id: 'q9', expected: 'a month', group: 'g' } }],
    ['how many repeats there are', { content: { repeats: 9 } }],
    ['how patiently it is asked', { content: { timeoutMs: 9, concurrency: 9, batch: true } }],
    ['how old an answer may be', { content: { cache: { maxAgeMs: 9 } } }],
  ])('is the same whatever %s', (_what, asked) => {
    expect(answer(asked)).toBe(answer())
  })

  test('of a repeat with a seed is not that of the next seed’s first', () => {
    const second = answer({ content: { seed: 7 }, repeat: 1 })

    expect(answer({ content: { seed: 8 }, repeat: 0 })).not.toBe(second)
  })

  test('is none for recorded outputs, and for an item that asks nothing', () => {
    expect(answer({ content: { subject: { kind: 'recorded' } } })).toBeNull()
    const silent = { item: { id: 'q1', output: 'Only judged.' }, repeat: 0 }
    expect(answerKey(byName, 'prj_a', CONTENT, silent)).toBeNull()
  })
})

const JUDGE: RunScorer = scorer({ kind: 'closed-qa', judge: true, settings: { model: 'up/judge' } })
const SAMPLE: Sample = {
  input: 'How long?',
  prompt: 'How long?',
  variables: {},
  output: '30 days.',
  toolCalls: [],
  finishReason: 'stop',
  expected: '30 days',
  assertions: null,
  contexts: [],
  retrieved: null,
  latencyMs: 120,
  cost: 100n,
}
type Judged = {
  project?: string
  judge?: Partial<RunScorer>
  sample?: Partial<Sample>
  item?: Partial<DatasetItem>
  repeat?: number
}
const judgement = (
  { project = 'prj_a', judge, sample, item, repeat = 0 }: Judged = {},
  answererOf = byName,
) =>
  judgementKey(
    answererOf,
    project,
    { ...JUDGE, ...judge },
    { item: { ...ITEM, ...item }, repeat, sample: { ...SAMPLE, ...sample } },
  )

describe('the key of a judgement', () => {
  test.each<[string, Judged]>([
    ['project', { project: 'prj_b' }],
    ['version of its prompt', { judge: { version: 2 } }],
    ['criterion', { judge: { settings: { model: 'up/judge', criterion: 'Brief.' } } }],
    ['model', { judge: { settings: { model: 'up/judge2' } } }],
    ['answer', { sample: { output: '30 days' } }],
    ['passage beside it', { sample: { contexts: ['30 days'] } }],
    ['item', { item: { id: 'q2' } }],
    ['repeat', { repeat: 1 }],
  ])('is another one for another %s', (_what, judged) => {
    expect(judgement(judged)).toMatch(/^[0-9a-f]{64}$/)
    expect(judgement(judged)).not.toBe(judgement())
  })

  test('is the same whatever its name and bars are, and however long and dear the answer was', () => {
    const atLeast = { ...JUDGE.gates, atLeast: 0.9 }

    expect(judgement({ judge: { name: 'other', gates: atLeast } })).toBe(judgement())
    expect(judgement({ sample: { latencyMs: null, cost: null, takenOver: true } })).toBe(judgement())
  })

  test('is another one where one of a jury’s upstreams leads elsewhere, and none where of one nobody can tell', () => {
    const judge = {
      settings: {
        judges: [
          { kind: 'rubric', model: 'up/a' },
          { kind: 'rubric', model: 'up/b' },
        ],
      },
    }
    const moved: AnswererOf = (_project, model) => (model === 'up/b' ? 'somebody else' : model)
    const unknown: AnswererOf = (_project, model) => (model === 'up/b' ? null : model)

    expect(judgement({ judge })).toMatch(/^[0-9a-f]{64}$/)
    expect(judgement({ judge }, moved)).not.toBe(judgement({ judge }))
    expect(judgement({ judge }, unknown)).toBeNull()
  })

  test('is none for what asks nobody', () => {
    const { judge: _, ...silent } = JUDGE

    expect(judgementKey(byName, 'prj_a', silent, { item: ITEM, repeat: 0, sample: SAMPLE })).toBeNull()
    expect(judgement({ judge: { settings: {} } })).toBeNull()
  })
})
