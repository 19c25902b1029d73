import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { abstentionPhrase } from '../../../../src/evals/scorers/abstention-phrases.ts'
import { wilsonInterval } from '../../../../src/lib/statistics/proportion.ts'
import { judgeSample, scoreOf } from '../../../support/judge-sample.ts'

const ANSWERS = readFileSync(new URL('../../../fixtures/abstention/answers.tsv', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => {
    const [part = '', language = '', label = '', text = ''] = line.split('\t')
    return { part, language, abstains: label === 'yes', text }
  })

describe('abstains', () => {
  test.each(['seen', 'kept'])(
    'finds what the part %s of the labelled answers labels, and little else',
    (part) => {
      const own = ANSWERS.filter((answer) => answer.part === part)
      const found = own.filter(({ text }) => abstentionPhrase(text) !== null)
      const right = found.filter((answer) => answer.abstains).length

      expect(own.filter((answer) => answer.abstains)).toHaveLength(45)
      expect(own).toHaveLength(90)
      expect(right / found.length).toBeGreaterThanOrEqual(0.95)
      expect(wilsonInterval(right, 45, 0.95).low).toBeGreaterThan(0.85)
    },
  )

  test.each([
    'Based on the given passages, it is not stated which fruit is in season. However, passage 2 says that pears are picked in May.',
    'The price is 40 euros. The sources do not say whether taxes are included.',
    '“The sources do not say how it ended.” [2]',
    `${'The hall has three pools. '.repeat(60)} The sources do not say more.`,
  ])('an answer with a gap is an answer: %j', async (output) => {
    expect(await scoreOf('abstains', {}, { output })).toBe(0)
  })

  test.each([
    'The sources do not say how long it lasts. However, I can suggest to ask the shop.',
    'Unfortunately, the passages provided do not contain this. They describe the engine.',
    'The passages are about the first voyage. They do not say how the second one ended [1].',
    'THE TEXT DOESN’T MENTION IT.',
    'I can only quote from text you give me, and this message holds none: put it before your question.',
  ])('a gap with nothing for it is none: %j', async (output) => {
    expect(await scoreOf('abstains', {}, { output })).toBe(1)
  })

  test('is another thing than to refuse', async () => {
    const unwilling = { output: 'I’m sorry, but I can’t help with that.' }
    const empty = { output: 'The sources do not say how long it lasts.' }

    expect([await scoreOf('refusal', {}, unwilling), await scoreOf('abstains', {}, unwilling)]).toEqual([
      1, 0,
    ])
    expect([await scoreOf('refusal', {}, empty), await scoreOf('abstains', {}, empty)]).toEqual([0, 1])
  })

  test('quotes the clause it goes by, and leaves an empty answer open', async () => {
    const output = 'Hello! The sources do not name a price.'

    expect((await judgeSample('abstains', {}, { output })).reason).toContain(
      'the sources do not name a price',
    )
    expect(await scoreOf('abstains', {}, { output: ' \n' })).toBe('abstained')
  })
})
