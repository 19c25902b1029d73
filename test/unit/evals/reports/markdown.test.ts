import { describe, expect, test } from 'vitest'
import { renderMarkdown } from '../../../../src/evals/reports/markdown.ts'
import { answered, grounded, items, report, verdict } from '../../../support/eval-report.ts'

const only = { ...report, items: null, verdict: { ...verdict, scorers: [grounded, answered] } }

describe('a report for a pull request', () => {
  test('says the verdict first, then the table and why', () => {
    expect(renderMarkdown(only).split('\n').slice(0, 8)).toEqual([
      '### inconclusive (exit 101): <code>support&#45;answer</code>',
      '',
      '| scorer | baseline | candidate | difference | reads | gate |',
      '| --- | --- | --- | --- | --- | --- |',
      '| <code>grounded</code> | 0.912 [.890 .934] | 0.941 [.921 .958] | +0.029 [+.008 +.051] | better, p 0.012 | at least 0.9: **pass** |',
      '| <code>answered</code> | 0.874 [.848 .899] | 0.861 [.834 .888] | -0.013 [-.036 +.010] | no difference seen | not worse by 0.02: **inconclusive** |',
      '',
      expect.stringMatching(/^- answered&#58; at most 0&#46;02 worse is allowed/),
    ])
  })

  test('folds the items that changed most, with both answers', () => {
    const text = renderMarkdown(report)

    expect(text).toContain('<details><summary>1 item that changed most</summary>')
    expect(text).toContain('| <code>shoes&#45;7</code> | <code>answered</code> | newly failing | 1 → 0 |')
    expect(text).toContain(
      '<code>shoes&#45;7</code> in <code>run&#95;01KB</code>\n\n<pre>\nI cannot say.</pre>',
    )
  })

  test.each([
    ['a row of a table', 'a | b |\n| --- |'],
    ['a tag', '<img src=x onerror=alert(1)></code></pre></details>'],
    ['a link', '[click](https://evil.example) www.evil.example https://evil.example'],
    ['a mention, an issue or an address', '@octocat #1 org/repo#2 someone@evil.example'],
    ['emphasis, code or a fence', '**bold** `code` ~~~ \\* _x_ ```\n# head\n- item'],
  ])('lets no text of others become %s', (_, hostile) => {
    const [item] = items.items
    const answer = { output: hostile, error: null, reasons: [] }
    const scorers = [{ ...grounded, scorer: hostile }]
    const text = renderMarkdown({
      about: { ...report.about, suite: hostile, dataset: hostile },
      verdict: { ...verdict, scorers, reasons: [hostile], run: { id: hostile, subject: hostile } },
      items:
        item === undefined
          ? null
          : { ...items, items: [{ ...item, itemId: hostile, answers: [answer, answer] }] },
    })

    // Within `pre` only < and & matter; everywhere else no sign of the text is there as itself.
    const outside = text.replaceAll(/<pre>\n[^<]*<\/pre>/g, '')
    for (const part of hostile.split(/[\sA-Za-z0-9]+/).filter((signs) => signs.length > 1)) {
      expect(
        outside.replaceAll(/<\/?(?:code|details|summary|br)>|\| (?:--- \| )*---|\*\*\w+\*\*/g, ''),
      ).not.toContain(part)
    }
    expect(outside).not.toMatch(/@|(?<!&)#(?!##? )(?<!#)\d/)
    expect(outside).not.toMatch(/&#(?:64|35);(?!\u200b)(?![^<\n]*<\/code>)/)
    expect(text.match(/<details>/g)?.length).toBe(text.match(/<\/details>/g)?.length)
    expect(text).not.toContain('<img')
  })

  test('stays below what a comment may hold, whatever it is made of', () => {
    const sign = '&'.repeat(60)
    const scorers = Array.from({ length: 50 }, (_, at) => ({ ...grounded, scorer: `${sign}${at}` }))
    const [item] = items.items
    if (item === undefined) throw new Error('The example has an item.')
    const answer = { output: '<'.repeat(4000), error: null, reasons: [] }
    const many = Array.from({ length: 50 }, (_, at) => ({
      ...item,
      itemId: `${sign}${at}`,
      answers: [answer, answer],
    }))

    const text = renderMarkdown({
      ...report,
      verdict: { ...verdict, scorers, reasons: Array.from({ length: 150 }, () => '|'.repeat(300)) },
      items: { ...items, items: many },
    })

    expect(text.length).toBeLessThan(65_536)
    expect(text).toMatch(/left out here: the comment would be too long\.\n$/)
  })
})
