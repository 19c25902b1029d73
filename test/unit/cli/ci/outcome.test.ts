import { describe, expect, test } from 'vitest'
import { commentText } from '../../../../src/cli/ci/comment.ts'
import { type CheckOutcome, exitCodeOf } from '../../../../src/cli/ci/outcome.ts'
import { summaryOf } from '../../../../src/cli/ci/prompt-change.ts'
import { checkOutcome, nothingMeasured, suiteOutcome } from '../../../support/check-outcome.ts'

describe('the exit code', () => {
  test.each([
    [[0, 0], 0],
    [[0, 101], 101],
    [[101, 102], 102],
    [[102, 1], 1],
    [[1, 100, 0], 100],
    [[], 101],
  ])('of %j is %d', (codes, expected) => {
    expect(exitCodeOf(checkOutcome(...codes.map((code) => suiteOutcome(code))))).toBe(expected)
  })

  test('of a check without changed routes is 0, and 101 when one needs a person', () => {
    expect(exitCodeOf(nothingMeasured())).toBe(0)
    expect(exitCodeOf(nothingMeasured({ mixed: [{ route: 'answers', model: 'mini' }] }))).toBe(101)
  })
})

describe('the comment', () => {
  test('lets no name, reason or diff become markup, a mention or an end of its folds', () => {
    const hostile = '</details><img src=x>@team #12 [a](b) | `'
    const text = commentText({
      ...checkOutcome(suiteOutcome(100, { suite: hostile, reasons: [hostile] })),
      unreleased: [hostile],
      routes: [
        {
          ...(checkOutcome(suiteOutcome(1, { suite: hostile, reasons: [hostile] }))
            .routes[0] as CheckOutcome['routes'][number]),
          prompt: { from: hostile, to: hostile, added: 1, removed: 0, text: hostile },
        },
      ],
    })

    expect(text).not.toContain('<img')
    // Within `pre` and its text, which is escaped, GitHub looks for none of these.
    expect(text.replace(/<pre>[\s\S]*?<\/pre>/g, '')).not.toMatch(/@team|\[a\]|#12 /)
    expect(text.match(/<\/details>/g)).toHaveLength(1)
  })

  test('leaves reports out that GitHub would not take, and says so', () => {
    const large = suiteOutcome(100, { markdown: `### fail\n${'x'.repeat(30_000)}` })
    const text = commentText(checkOutcome(...Array.from({ length: 30 }, () => large)))

    expect(text.length).toBeLessThan(65_536)
    expect(text.match(/^### fail$/gm)).toHaveLength(1)
    expect(text.match(/Its report is left out here/g)).toHaveLength(29)
  })

  test.each([
    ['routes', 200, 1],
    ['suites', 1, 200],
  ])('of very many %s still fits, and says that parts are missing', (_what, routes, suites) => {
    const large = suiteOutcome(100, { markdown: 'x'.repeat(9000), reasons: Array(9).fill('#'.repeat(900)) })
    const [route] = checkOutcome(...Array.from({ length: suites }, () => large)).routes
    const prompt = { from: 'a@1', to: 'a@2', added: 1, removed: 0, text: '<'.repeat(9000) }
    const text = commentText({
      ...checkOutcome(),
      routes: Array.from({ length: routes }, () => ({
        ...(route as CheckOutcome['routes'][number]),
        prompt,
      })),
      unreleased: Array(500).fill('<'.repeat(60)),
    })

    expect(text.length).toBeLessThan(65_536)
    expect(text).toMatch(/Parts left out here, as the comment would be too long: \d+\./)
    expect(text).toContain('No label was moved')
  })
})

test('a diff counts words and shows a little of what stays the same around them', () => {
  const same = 'a'.repeat(500)
  const { added, removed, text } = summaryOf([
    { kind: 'same', text: same },
    { kind: 'removed', text: 'one' },
    { kind: 'added', text: 'two three' },
    { kind: 'same', text: same },
  ])

  expect({ added, removed }).toEqual({ added: 2, removed: 1 })
  expect(text).toBe(`…${'a'.repeat(80)}[-one-]{+two three+}${'a'.repeat(80)}…`)
})
