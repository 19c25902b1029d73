import { describe, expect, test } from 'vitest'
import type { DatasetItem } from '../../../../src/evals/datasets/item.ts'
import { anotherAnswer, mentions, told } from '../../../../src/evals/robustness/another-answer.ts'
import { hallucinationItems } from '../../../../src/evals/robustness/hallucination.ts'
import { seededRandom } from '../../../../src/lib/random.ts'
import { scoreOf } from '../../../support/judge-sample.ts'

const ITEM: DatasetItem = {
  id: 'shoes',
  input: 'For how long may shoes be returned?',
  expected: '30 days',
  contexts: ['Hats cost 12 euros.', 'Shoes may be returned within 30 days.', 'The shop closes on Sunday.'],
  metadata: { team: 'north' },
  output: 'No.',
  labels: { right: 0 },
  split: 'dev',
}
const made = (item: DatasetItem = ITEM, seed = 1) => hallucinationItems(item, { seed })
const judged = (item: DatasetItem | undefined, output: string) =>
  scoreOf(
    'assertions',
    {},
    { output, assertions: item?.assertions ?? null, expected: item?.expected ?? null },
  )

describe('the items of hallucination', () => {
  test('are the original and two that name it, share its group, and keep what is not of the answer', () => {
    const { items, left } = made()

    expect(left).toEqual([])
    expect(items.map(({ id }) => id)).toEqual(['shoes', 'shoes~unanswerable', 'shoes~contradiction'])
    for (const [at, name] of ['unanswerable', 'contradiction'].entries()) {
      const item = items[at + 1]
      expect(item).toMatchObject({ group: 'shoes', split: 'dev' })
      expect(item?.metadata).toMatchObject({ team: 'north', origin: 'shoes', perturbation: name })
      expect([item?.output, item?.labels, item?.expected]).toEqual([undefined, undefined, undefined])
    }
    expect(items[0]).toMatchObject({ expected: '30 days', output: 'No.', group: 'shoes' })
  })

  test('show the passages that they are judged by, numbered, before the question', () => {
    for (const { messages = [], contexts = [] } of made().items) {
      const [system, user] = messages
      expect(user?.content).toBe(ITEM.input)
      for (const [at, passage] of contexts.entries())
        expect(system?.content).toContain(`\n\n[${at + 1}] ${passage}`)
    }
  })

  test('show them in the list of variables where an item has one', () => {
    const { input: _, contexts: passages = [], ...others } = ITEM
    const { items } = made({ ...others, variables: { question: 'How long?', passages } })

    expect(items.map(({ messages }) => messages)).toEqual([undefined, undefined, undefined])
    expect(items.map(({ contexts }) => contexts?.length)).toEqual([3, 2, 4])
    for (const { variables, contexts } of items) expect(contexts).toEqual(variables?.passages)
  })

  test('demand the answer, that there is none, or both answers', async () => {
    const [original, unanswerable, contradiction] = made().items
    const other = String(contradiction?.metadata?.contradicted_by)
    const none = 'The sources do not say for how long.'

    expect(await judged(original, 'Within 30 days [2].')).toBe(1)
    expect(await judged(original, none)).toBe(0)
    expect(await judged(unanswerable, none)).toBe(1)
    expect(await judged(unanswerable, 'Within 14 days.')).toBe(0)
    expect(await judged(contradiction, `One says 30 days, another ${other}.`)).toBe(1)
    expect(await judged(contradiction, none)).toBe(1)
    expect(await judged(contradiction, 'Within 30 days [2].')).toBe(0)
    expect(await judged(contradiction, `Within ${other}.`)).toBe(0)
  })

  test('take out every passage that says the answer, in any case, and no other', () => {
    const contexts = ['Shoes: 30  DAYS.', 'Boots: 130 days.', 'Shoes have 30 days.']
    const unanswerable = made({ ...ITEM, contexts }).items[1]

    expect(unanswerable?.contexts).toEqual(['Boots: 130 days.'])
  })

  test('are the same for a seed, and others for another', () => {
    const contradicted = (seed: number) => made(ITEM, seed).items[2]?.metadata?.contradicted_by

    expect(contradicted(4)).toBe(contradicted(4))
    expect(new Set([1, 2, 3, 4, 5, 6].map(contradicted)).size).toBeGreaterThan(1)
  })

  test.each<[string, Partial<DatasetItem>, string]>([
    ['expects nothing', { expected: undefined }, 'expects no text'],
    ['expects a yes', { expected: 'Yes.' }, 'expects yes or no, which no passage says'],
    ['has no passages', { contexts: [] }, 'has no passages'],
    ['has demands of its own', { assertions: { checks: [] } }, 'has assertions of its own'],
    ['was made from another', { metadata: { perturbation: 'typos' } }, 'is a perturbed item itself'],
    [
      'is a conversation',
      {
        input: undefined,
        messages: [
          { role: 'user', content: 'a' },
          { role: 'user', content: 'b' },
        ],
      },
      'is no single question',
    ],
  ])('are none for an item that %s', (_, change, reason) => {
    expect(made({ ...ITEM, ...change } as DatasetItem)).toEqual({
      items: [],
      left: [{ perturbation: 'all', reason }],
    })
  })

  test.each<[string, Partial<DatasetItem>, string[]]>([
    ['no passage says the text', { expected: 'a month' }, ['unanswerable', 'contradiction']],
    ['every passage says it', { contexts: ['Shoes: 30 days.', 'Boots: 30 days.'] }, ['unanswerable']],
    ['nothing in it could be another', { expected: 'returned within' }, ['contradiction']],
  ])('lack what cannot be made where %s', (_, change, names) => {
    expect(made({ ...ITEM, ...change }).left.map(({ perturbation }) => perturbation)).toEqual(names)
  })
})

describe('another answer', () => {
  test.each([
    ['14 days', /^[1-9]\d days$/],
    ['1.5 bar', /^[1-9]\.5 bar$/],
    ['on Monday', /^on (?:Tues|Wednes|Thurs|Fri|Satur|Sun)day$/],
    ['Marit Holm', /^[A-Z][a-z]+ Holm$/],
  ])('of %j is of the same kind, and no passage mentions it', (own, kind) => {
    for (let seed = 0; seed < 50; seed += 1) {
      const other = anotherAnswer(own, [own], seededRandom(seed))
      expect(other).toMatch(kind)
      expect(other).not.toBe(own)
    }
  })

  test('is none where all of them are there', () => {
    const all = Array.from({ length: 10 }, (_, at) => `${at} days`)

    expect(anotherAnswer('3 days', all, seededRandom(1))).toBeNull()
    expect(anotherAnswer('a lot', [], seededRandom(1))).toBeNull()
  })

  test('is put in as it is written, for whole words alone', () => {
    expect(told('4 euros (not 14 euros)', '4 euros', '$& euros')).toBe('$& euros (not 14 euros)')
    expect(mentions('Costs 4.50 (net)', '4.50 (net')).toBe(true)
  })
})
