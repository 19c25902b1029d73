import { describe, expect, test } from 'vitest'
import { MAX_CHECKS } from '../../../../src/evals/groundedness/cited-support.ts'
import { wordEmbed } from '../../../support/groundedness.ts'
import { judgeSample, NO_TOOLS, scoreOf } from '../../../support/judge-sample.ts'

const contexts = [
  'Acme bought 1,200 boats in March 2021.',
  'Profits increased by three percent.',
  'The crew sails from Oslo every morning.',
]
const { signal } = new AbortController()
const tools = {
  ...NO_TOOLS,
  embed: async (texts: readonly string[]) => [...(await wordEmbed(texts, signal))],
}
const scoresOf = async (output: string, shown: readonly string[] = contexts) => [
  await scoreOf('citation-recall', {}, { output, contexts: shown }, tools),
  await scoreOf('citation-precision', {}, { output, contexts: shown }, tools),
]

describe('citation-recall and citation-precision', () => {
  // The rules of ALCE, section 4.2, one for each row.
  test.each([
    ['a sentence that cites what supports it', 'Acme bought 1,200 boats in March 2021 [1].', 1, 1],
    ['one that cites something else', 'Acme bought 1,200 boats in March 2021 [3].', 0, 0],
    ['one that cites too much', 'Acme bought 1,200 boats in March 2021 [1][3].', 1, 0.5],
    ['one that cites nothing', 'Acme bought 1,200 boats in March 2021.', 0, 'abstained'],
    ['one that cites no passage there is', 'Acme bought 1,200 boats in March 2021 [9].', 0, 0],
    ['an edit of what it cites', 'Ajax bought 1,900 boats in May 2021 [1].', 0, 0],
    [
      'two sentences, of which one is supported',
      'Acme bought 1,200 boats in March 2021 [1]. The crew sails from Oslo every morning [2].',
      0.5,
      0.5,
    ],
    ['citations behind the full stop', 'Acme bought 1,200 boats in March 2021. [1]', 1, 1],
    ['one citation twice', 'Acme bought 1,200 boats [1] in March 2021 [1].', 1, 1],
  ])('%s', async (_, output, recall, precision) => {
    expect(await scoresOf(output)).toEqual([recall, precision])
  })

  test('a citation counts that the others need, though it does not support the sentence alone', async () => {
    const halves = ['Acme bought 1,200 boats in Bergen.', 'Ajax sold 70 lamps to Denmark.']
    const output = 'Acme bought 1,200 boats in Bergen, and Ajax sold 70 lamps to Denmark [1][2].'

    expect(await scoresOf(output, halves)).toEqual([1, 1])
  })

  test.each([
    ['an abstention', 'The sources do not say who bought the boats.'],
    ['an empty answer', ''],
    ['an answer without words', '…'],
  ])('%s is not judged', async (_, output) => {
    expect(await scoresOf(output)).toEqual(['abstained', 'abstained'])
  })

  test('what would take too many judgements is not judged', async () => {
    const output = `Acme bought 1,200 boats [1-20]. `.repeat(Math.ceil(MAX_CHECKS / 41) + 1)
    const outcome = await judgeSample('citation-recall', {}, { output, contexts }, tools)

    expect(outcome).toMatchObject({ outcome: 'abstained', reason: expect.stringContaining(`${MAX_CHECKS}`) })
  })

  test('a sentence that `grounded` would not decide decides nothing', async () => {
    const output = 'Acme purchased many boats last March [1].'
    const alone = await scoreOf(
      'grounded',
      {},
      { output: output.replace(' [1]', ''), contexts: [contexts[0] ?? ''] },
      tools,
    )
    const [recall] = await scoresOf(output)

    expect([alone, recall]).toEqual(['abstained', 'abstained'])
  })

  test('says which sentence is wanting and which of its citations count', async () => {
    const outcome = await judgeSample(
      'citation-precision',
      {},
      { output: 'Acme bought 1,200 boats in March 2021 [1][3].', contexts },
      tools,
    )

    expect(outcome).toMatchObject({
      reason: '1 of 2 citations support their sentence.',
      details: [
        {
          supported: true,
          cited: [
            { passage: 1, counts: true },
            { passage: 3, counts: false },
          ],
        },
      ],
    })
  })
})
