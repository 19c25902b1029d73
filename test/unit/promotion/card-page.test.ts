import { Parser } from 'htmlparser2'
import { describe, expect, test } from 'vitest'
import { cardHtml } from '../../../src/promotion/cards/card-html.ts'
import { cardMarkdown } from '../../../src/promotion/cards/card-markdown.ts'
import { cardPage } from '../../../src/promotion/cards/card-page.ts'
import type { ShownCard } from '../../../src/promotion/cards/shown-card.ts'
import { KEPT, LIVE } from '../../support/model-card.ts'

const SECTIONS = [
  'Intended use',
  'What it is made of',
  'Models, in the order they are tried',
  'Data',
  'Evaluation',
  'Judges',
  'Robustness and fairness',
  'Known failures',
  'Cost and latency of the evidence',
  'Limits',
]

/** Words of the card's own, from which a page is made. */
const OWN = new Set(['format', 'values', 'better', 'rule', 'verdict', 'outcome', 'multiple', 'answer'])

/** The card with every text that anybody may have written replaced. */
function withTexts<Value>(value: Value, text: string): Value {
  if (typeof value === 'string') return text as Value
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  if (Array.isArray(value)) return value.map((one) => withTexts(one, text)) as Value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, OWN.has(name) ? one : withTexts(one, text)]),
  ) as Value
}

const markdownOf = (shown: ShownCard) => cardMarkdown(cardPage(shown))

describe('a card', () => {
  test('has every section in its order, and says of each what is not known', () => {
    const titles = (shown: ShownCard) => cardPage(shown).sections.map(({ title }) => title)
    const live = markdownOf(LIVE)

    expect(titles(KEPT)).toEqual([
      'What nobody has stated',
      ...SECTIONS,
      'Since then',
      'Since then: approvals',
      'Since then: moves of labels',
      'Since then: drift',
    ])
    expect(titles(LIVE).slice(0, SECTIONS.length)).toEqual(SECTIONS)
    for (const said of [
      '- **card**: live: made from what is there now, and kept nowhere',
      '- **purpose**: unknown',
      '- **owner**: unknown',
      'It searches no index.',
      'No finished run of this release has measured it with a dataset.',
      'No verdict was made of this release, so nothing is concluded here.',
      'No verdict: nothing is known.',
      'No finished run: nothing is known.',
      'Nobody has approved or rejected it.',
      'No label has pointed to it.',
      'No alert of its route since it was made.',
    ]) {
      expect(live).toContain(said)
    }
  })

  test('says every figure with its interval, and what nobody has stated is unknown', () => {
    const text = markdownOf(KEPT)

    for (const said of [
      `- **SHA-256**: ${'2'.repeat(64)}`,
      '2026-11-29T13:40:00.000Z | lasts | cost_per_request | level | output tokens +19 %',
      'small@3 | openai/gpt-4o-mini | unknown | 128000 tokens | unknown | USD 0.15 / unknown | a list | {} |',
      '- **language**: en (380), unknown (20)',
      '| support | support-questions@7, split test | 400 | unknown | en | run_1 |',
      '- **verdict**: pass, at 0.05 one-sided adjusted for the number of rules (Holm)',
      '| support | grounded (grounded v1, higher is better) | all items | 0.941 [.921 .958] | 0.912 [.890 .934] | +0.029 [+.008 +∞], adjusted p 0.012 | 796 of 800 (4 abstained) |',
      '| support | grounded | all items | at least 0.9 | pass | p < 0.001 | p < 0.001 | at least 0.9 is demanded',
      '| support | answered | language = de | openai/gpt-4o | cal_1, 120 truths | 0.810 [.700 .900] | 0.950 [.900 .980] | 0.900 [.800 .960] | 0.780 [.690 .860] (rogan-gladen@1, 120 truths) |',
      '| support | grounded | all items | names | 0.020 [.006 .070] | 98 of 100 | 2 | 0 |',
      'The worst 1 of 57.',
      '| support | shoes-7 | grounded | 2 of 2 | 1 of 3 sentences stands in a passage. | run_1 |',
      '| support | 799 | 1 | USD 0.0000123, unknown of 3 | 412 ms | 1904 ms | run_1 |',
      '- small@3: cannot do vision; nobody has stated audio; Weak at sums.',
      '- **canary**: 12 looks; the last one, at 2026-11-28T13:00:00.000Z in stage 3: advance',
      '| 2026-11-28T12:40:00.000Z | approve | grace | grace-laptop | approver | The intervals are narrow. |',
    ]) {
      expect(text).toContain(said)
    }
  })

  test.each([
    ['a row of a table', 'a | b |\n| --- |'],
    ['a tag or a reference', '<img src=x onerror=alert(1)> &lt;b> &#60;'],
    ['a link or an image', '[x](javascript:alert(1)) ![](http://evil.example) www.evil.example'],
    ['a mention or an address', '@octocat #1 org/repo#2 someone@evil.example'],
    ['emphasis, code, a formula or a fence', '**bold** `code` ~~x~~ $x$ \\* _x_ ```\n# head\n- item'],
    ['a heading', '# Approved'],
    ['a list', '1. approved'],
    ['a task or a definition', '[x] approved [x]: http://evil.example'],
    ['a quotation', '> approved'],
  ])('lets no text of a person become %s in Markdown', (_, hostile) => {
    const text = markdownOf(withTexts(KEPT, hostile))
    const own = text.replaceAll(/^- \*\*[\w -]+\*\*: /gm, '')
    const meant = own.replaceAll(/\\[!-/:-@[-`{-~]/g, '')

    expect(meant).not.toMatch(
      /[`*~$\\]|<[a-z/!?]|\][([:]|&[#\w]|(?<!\w)_|_(?!\w)|:\/\/|www\.|[@#][\p{L}\p{N}]/iu,
    )
    expect(own).not.toMatch(/^- (?:#{1,6} |\d+[.)] |[-+=] |>|\[)/m)
    const headings = text.split('\n').filter((line) => line.startsWith('#'))
    expect(headings.length).toBe(1 + cardPage(KEPT).sections.length)
    for (const table of text.split('\n\n').filter((part) => part.startsWith('| '))) {
      const bars = table
        .trimEnd()
        .split('\n')
        .map((line) => line.replaceAll('\\|', '').split('|').length)
      expect(new Set(bars).size).toBe(1)
    }
  })

  test('is one page that runs no script, loads nothing, and has no markup of anybody else', () => {
    const hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>\u202e &amp; </main>'
    const shapeOf = (html: string) => {
      const tags: string[] = []
      let text = ''
      const parser = new Parser({
        onopentag: (name, attributes) => tags.push(`${name} ${Object.keys(attributes).join(' ')}`),
        ontext: (part) => {
          text += part
        },
      })
      parser.end(html)
      return { tags, text }
    }
    const [kind, attacked] = [KEPT, withTexts(KEPT, hostile)].map((shown) =>
      shapeOf(cardHtml(cardPage(shown))),
    )
    const names = new Set(attacked?.tags.map((tag) => tag.split(' ')[0]))

    expect(attacked?.tags).toEqual(kind?.tags)
    expect(attacked?.text).toContain('"><script>alert(1)</script>')
    expect(attacked?.text).not.toContain('\u202e')
    for (const name of ['script', 'img', 'link', 'iframe', 'a']) expect(names.has(name)).toBe(false)
    expect(cardHtml(cardPage(KEPT))).toContain('content="default-src &#39;none&#39;;')
  })
})
