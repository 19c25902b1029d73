import { expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { traitsOf } from '../../../../src/monitoring/data/answer-traits.ts'
import { compareRequests } from '../../../../src/monitoring/data/compare.ts'
import { comparePrints } from '../../../../src/monitoring/data/embedder-print.ts'
import { type Finding, MAX_INDEXES, verdictOf } from '../../../../src/monitoring/data/finding.ts'
import type { OpenedRequest, WindowName } from '../../../../src/monitoring/data/sampled-request.ts'
import { separatingTerms } from '../../../../src/monitoring/data/terms.ts'

const SIZE = 150

type Shape = { topic: number; question: string; answer?: string; language?: string; cosine?: number }

function request(window: WindowName, at: number, random: () => number, shape: Shape): OpenedRequest {
  const vector = Float32Array.from(
    { length: 16 },
    (_, column) => random() - 0.5 + (column === shape.topic ? 1 : 0),
  )
  const { question, answer = 'Yes.', language = 'en', cosine = 0.4 + random() / 5 } = shape
  return {
    window,
    id: `req_${window}_${at}`,
    subject: `sub_${at}`,
    refusedVariables: false,
    filtered: false,
    search: { index: 'handbook@1', cosine, documents: [`doc-${Math.floor(random() * 20)}`] },
    words: { question, answer: traitsOf(answer), language, vector },
  }
}

const usual = (random: () => number): Shape => ({
  topic: Math.floor(random() * 4),
  question: `Where is my parcel ${'x'.repeat(Math.floor(random() * 30))}`,
})

/** `share` of the recent window is `other`. */
function windows(share: number, other: (random: () => number) => Shape, seed = 1): OpenedRequest[] {
  const random = seededRandom(seed)
  return (['recent', 'baseline'] as const).flatMap((window) =>
    Array.from({ length: SIZE }, (_, at) =>
      request(window, at, random, window === 'recent' && at < share * SIZE ? other(random) : usual(random)),
    ),
  )
}

const drifted = (requests: readonly OpenedRequest[]) =>
  compareRequests(requests, { seed: 7 })
    .filter(({ verdict }) => verdict === 'drift')
    .map(({ feature }) => feature)

test('two windows of one kind are the same, and the same requests give the same findings', () => {
  const requests = windows(0, usual)
  const findings = compareRequests(requests, { seed: 7 })
  expect(verdictOf(findings)).toBe('same')
  expect(compareRequests(requests, { seed: 7 })).toEqual(findings)
  expect(findings.map(({ feature }) => feature)).toEqual([
    'question_content',
    'question_topics',
    'question_language',
    'question_length',
    'answer_length',
    'answer_refused',
    'answer_json',
    'variables_refused',
    'answer_filtered',
    'retrieval_cosine:handbook@1',
    'retrieval_empty:handbook@1',
    'retrieval_documents:handbook@1',
  ])
})

test('a new topic is found by its meaning and named by words that several people used', () => {
  const requests = windows(0.4, () => ({ topic: 9, question: 'How do I cancel my subscription' }))
  const findings = compareRequests(requests, { seed: 7 })
  const content = findings.find(({ feature }) => feature === 'question_content')
  expect(content).toMatchObject({ verdict: 'drift', p: 1 / 2000 })
  expect(content?.effect).toBeGreaterThan(0.6)
  expect(content?.terms?.recent.map(({ word }) => word)).toContain('subscription')
  const topics = findings.find(({ feature }) => feature === 'question_topics')
  expect(topics).toMatchObject({ verdict: 'drift', levels: { baseline: 0 } })
  expect(topics?.terms?.recent.map(({ word }) => word)).toContain('subscription')
  // Of what is the same no word is kept.
  const kept = findings.filter(({ verdict }) => verdict !== 'drift').map(({ terms }) => terms)
  expect(kept.every((terms) => terms === null)).toBe(true)
})

test.each([
  ['another language', { language: 'de' }, 'question_language'],
  ['refusals', { answer: 'I’m sorry, but I can’t help with that.' }, 'answer_refused'],
  ['JSON where there was prose', { answer: '{"a": 1}' }, 'answer_json'],
  ['passages that are further away', { cosine: 0.1 }, 'retrieval_cosine:handbook@1'],
])('%s in two of five requests is found where it is', (_, shape, feature) => {
  expect(drifted(windows(0.4, (random) => ({ ...usual(random), ...shape })))).toContain(feature)
})

test('with as many indexes as are looked at, what could not be clearer is still found', () => {
  const requests = windows(0.4, () => ({ topic: 9, question: 'How do I cancel my subscription' })).map(
    (one, at) => ({
      ...one,
      search: one.search === null ? null : { ...one.search, index: `handbook@${at % 4}` },
    }),
  )
  // Each index has a hundred requests of both windows.
  const many = [...requests, ...requests, ...requests]
  const findings = compareRequests(many, { seed: 7 })
  expect(findings.filter(({ p }) => p !== null)).toHaveLength(9 + 3 * MAX_INDEXES)
  expect(findings[0]).toMatchObject({ feature: 'question_content', verdict: 'drift' })
})

test('windows that are too small, and bodies that nobody opened, are unknown and not the same', () => {
  const few = windows(0, usual).filter((_, at) => at % 3 === 0)
  expect(verdictOf(compareRequests(few, { seed: 7 }))).toBe('unknown')
  const closed = windows(0, usual).map((one) => ({ ...one, words: null }))
  const unread = compareRequests(closed, { seed: 7, closed: 'No key.' })
  const named = ({ feature, method }: Finding) => [feature, method]
  expect(unread.map(named)).toEqual(compareRequests(windows(0, usual), { seed: 7 }).map(named))
  const [spoken, rows] = [unread.slice(0, 7), unread.slice(7)]
  for (const one of spoken) expect(one).toMatchObject({ verdict: 'unknown', reason: 'No key.' })
  expect(rows[0]).toMatchObject({ feature: 'variables_refused', verdict: 'same' })
})

test('a word of fewer than five people is never shown, nor one of requests that name nobody', () => {
  const asked = (subject: string | null, question: string) => ({ subject, question })
  const usualOnes = Array.from({ length: 60 }, (_, at) => asked(`sub_${at}`, 'where is my parcel'))
  const four = Array.from({ length: 60 }, (_, at) =>
    asked(`sub_${at % 4}`, 'call Hildegard about 4711 my parcel'),
  )
  expect(separatingTerms(four, usualOnes).recent).toEqual([])
  const nobody = four.map(({ question }) => asked(null, question))
  expect(separatingTerms(nobody, usualOnes).recent).toEqual([])
  const many = four.map(({ question }, at) => asked(`sub_${at}`, question))
  const shown = separatingTerms(many, usualOnes).recent.map(({ word }) => word)
  expect(shown).toContain('hildegard')
  expect(shown).not.toContain('4711')
})

test('another model behind a name is told by its vectors, and other files by their hash', () => {
  const before = {
    digest: 'a',
    probes: [
      [1, 0],
      [0, 1],
    ],
  }
  expect(comparePrints('m', before, before, 1)).toMatchObject({ verdict: 'same', statistic: 1 })
  expect(
    comparePrints(
      'm',
      before,
      {
        digest: 'a',
        probes: [
          [0.9, 0.436],
          [0, 1],
        ],
      },
      1,
    ),
  ).toMatchObject({
    verdict: 'drift',
    reason: 'm gives other vectors of the same texts than before: other weights behind its name.',
  })
  expect(comparePrints('m', before, { ...before, digest: 'b' }, 1)).toMatchObject({ verdict: 'drift' })
  expect(comparePrints('m', before, { digest: null, probes: [[1], [1]] }, 1)).toMatchObject({
    verdict: 'drift',
  })
  expect(comparePrints('m', null, before, 1)).toMatchObject({ verdict: 'same' })
})
