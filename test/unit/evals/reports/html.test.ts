import { createHash } from 'node:crypto'
import { Parser } from 'htmlparser2'
import { describe, expect, test } from 'vitest'
import { renderHtml } from '../../../../src/evals/reports/html.ts'
import { alone, grounded, items, report, verdict, words } from '../../../support/eval-report.ts'

const VOID = new Set(['meta'])
type Page = { tags: { name: string; attributes: Record<string, string> }[]; text: string; style: string }

/** Throws where an element is not closed by its own end tag. */
function parse(html: string): Page {
  const page: Page = { tags: [], text: '', style: '' }
  const open: string[] = []
  const parser = new Parser({
    onopentag(name, attributes) {
      page.tags.push({ name, attributes })
      open.push(name)
    },
    ontext(text) {
      if (open.at(-1) === 'style') page.style += text
      else page.text += text
    },
    onclosetag(name, isImplied) {
      const isDrawn = open.includes('svg')
      if (open.pop() !== name || (isImplied && !VOID.has(name) && !isDrawn)) throw new Error(`</${name}>`)
    },
  })
  parser.end(html)
  if (open.length > 0) throw new Error(`Open at the end: ${open.join(' ')}`)
  return page
}

describe('a report as a page', () => {
  test('says verdict, reasons, figures, gates and the items with both answers', () => {
    const { text, tags } = parse(renderHtml(report))

    for (const said of [
      'inconclusive (exit 101)',
      'About 350 items more would settle it.',
      '0.912 [.890 .934]',
      '+0.029 [+.008 +.051]',
      'better, adjusted p 0.012',
      'at least 0.9',
      'answered newly failing, 1 → 0',
      'Within 30 days.',
      'I cannot say.',
      'support-questions@7',
      report.about.hashes.measure,
    ]) {
      expect(text).toContain(said)
    }
    expect(
      tags.filter(({ name }) => name === 'svg').map(({ attributes }) => attributes['aria-label']),
    ).toEqual([
      'Differences: grounded +0.029 [+.008 +.051]; answered -0.013 [-.036 +.010]',
      'Differences: words +12.5 [+10 +15]',
      'Estimates: grounded 0.941 [.921 .958]',
    ])
  })

  test('draws the interval, what the gate decided on and the margin where they belong', () => {
    const html = renderHtml(report)

    const [row = ''] = /<g class="inconclusive">.*<\/g>/.exec(html) ?? []
    const at = (pattern: RegExp) => Number(pattern.exec(row)?.[1])
    const low = at(/class="interval" x1="([\d.]+)"/)
    const high = at(/class="interval" x1="[\d.]+" x2="([\d.]+)"/)
    const decided = at(/class="decided" x="([\d.]+)"/)
    const margin = at(/class="mark" x1="([\d.]+)"/)
    const estimate = at(/class="estimate" cx="([\d.]+)"/)
    const nought = Number(/class="nought" x1="([\d.]+)"/.exec(html)?.[1])
    expect([low, decided, margin, estimate, nought, high]).toEqual(
      [low, decided, margin, estimate, nought, high].toSorted((a, b) => a - b),
    )
    // Linear: −0.036 … 0.010 and the margin at −0.020.
    expect((margin - low) / (high - low)).toBeCloseTo(0.016 / 0.046, 2)
  })

  test('loads nothing, runs nothing, and tells the browser to allow neither', () => {
    const html = renderHtml(report)

    const { tags, style } = parse(html)
    const policy = tags.find(({ attributes }) => attributes['http-equiv'] === 'Content-Security-Policy')
    const hash = createHash('sha256').update(style).digest('base64')
    expect(policy?.attributes.content).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
    )
    const names = new Set(tags.map(({ name }) => name))
    for (const name of ['script', 'link', 'img', 'iframe', 'object', 'form', 'a', 'base']) {
      expect(names.has(name), name).toBe(false)
    }
    const attributes = new Set(tags.flatMap((tag) => Object.keys(tag.attributes)))
    expect(
      [...attributes].filter((name) => /^on|^(?:src|href|style|srcset|action|xlink:href)$/.test(name)),
    ).toEqual([])
    expect(html).not.toMatch(/https?:|url\(|@import/)
  })

  test('shows a hostile text as the text it is', () => {
    const hostile = `</pre></title></style><script>alert('1')</script><img src=x onerror="x">&lt;\u0000`
    const [item] = items.items
    const answer = { output: hostile, error: null, reasons: [] }
    const reasons = [{ scorer: hostile, outcome: 'error' as const, reason: hostile }]
    const gates = grounded.gates.map((gate) => ({ ...gate, reason: hostile }))
    const page = parse(
      renderHtml({
        about: { ...report.about, suite: hostile, dataset: hostile, gitCommit: hostile, createdAt: hostile },
        verdict: {
          ...verdict,
          reasons: [hostile],
          run: { id: hostile, subject: hostile },
          scorers: [{ ...grounded, scorer: hostile, kind: hostile, gates }],
        },
        items:
          item === undefined
            ? null
            : {
                runs: [hostile, hostile],
                scorers: items.scorers.map((one) => ({ ...one, scorer: hostile })),
                items: [{ ...item, itemId: hostile, answers: [answer, { ...answer, reasons }] }],
              },
      }),
    )

    const usual = parse(renderHtml(report))
    const names = (of: Page) => new Set(of.tags.map(({ name }) => name))
    expect([...names(page)].filter((name) => !names(usual).has(name))).toEqual([])
    expect(page.text.split(`<script>alert('1')</script><img src=x onerror="x">&lt;`).length).toBeGreaterThan(
      12,
    )
  })

  test('of a run by itself has no comparison and says that no item fails', () => {
    const own = {
      ...verdict,
      verdict: 'measured' as const,
      reasons: [],
      baseline: null,
      scorers: [alone(words)],
    }

    const { text } = parse(
      renderHtml({ ...report, verdict: own, items: { runs: ['run_01KB'], scorers: [], items: [] } }),
    )

    expect(text).toContain('measured (exit 0)')
    expect(text).toContain('81.25 [78 84.5]')
    expect(text).not.toContain('difference')
    expect(text).not.toContain('Gates')
    expect(text).toMatch(/Items that fail\s[\s\S]*None\./)
  })
})
