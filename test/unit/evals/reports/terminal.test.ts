import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { renderTerminal } from '../../../../src/evals/reports/terminal.ts'
import { alone, answered, grounded, report, verdict, words } from '../../../support/eval-report.ts'

const plain = (width: number, of = report) => renderTerminal(of, { colors: false, width })
const linesOf = (text: string) => text.split('\n').slice(0, -1)

describe('a report on a terminal', () => {
  test('of a comparison at 80 columns', () => {
    expect(linesOf(plain(80))).toEqual([
      'suite      support-answer',
      'candidate  support-answer@r13, run_01KB',
      'baseline   support-answer@r12, run_01KA, 400 items in both',
      'dataset    support-questions@7, 400 items × 2 repeats',
      'judged     2,396 of 2,400 (4 abstained)',
      'cost       $0.84',
      '',
      'scorer    baseline           candidate          difference',
      'grounded  0.912 [.890 .934]  0.941 [.921 .958]  +0.029 [+.008 +.051]',
      '  better, p 0.012',
      '  at least 0.9: pass',
      'answered  0.874 [.848 .899]  0.861 [.834 .888]  -0.013 [-.036 +.010]',
      '  no difference seen',
      '  not worse by 0.02: inconclusive',
      'words     93.75 [90 97.5]    81.25 [78 84.5]    -12.5 [-15 -10]',
      '  better, p < 0.001',
      '',
      'difference, right is better',
      'grounded                         │    ────────────●────────────',
      'answered     ──═══════┊═══●══════│════──                            inconclusive',
      '                    -0.02        0         +0.02      +0.04',
      '',
      'difference, right is better',
      'words*     │                                 ─────────●────────',
      '           0               +5               +10              +15',
      '',
      'estimate',
      'grounded    ┊                ═════════════════●═════════════════    pass',
      '           0.9             0.92            0.94            0.96',
      '',
      '● estimate, ─ 95 % interval, ═ what the gate decides on, ┊ -margin or bar, │ no',
      'difference, * turned, as lower is better',
      '',
      'item     scorer    change         mean',
      'shoes-7  answered  newly failing  1 → 0',
      '',
      'answered: at most 0.02 worse is allowed, and it is between -0.032 and +0.006,',
      '  higher being better. About 350 items more would settle it.',
      '',
      'inconclusive (exit 101)',
    ])
  })

  test('has everything of a scorer on one line where there is room', () => {
    const lines = linesOf(plain(130))

    expect(lines).toContain(
      'grounded  0.912 [.890 .934]  0.941 [.921 .958]  +0.029 [+.008 +.051]  better, p 0.012     at least 0.9: pass',
    )
    expect(lines).toContain(
      'answered  0.874 [.848 .899]  0.861 [.834 .888]  -0.013 [-.036 +.010]  no difference seen  not worse by 0.02: inconclusive',
    )
  })

  test('of a run by itself', () => {
    const own = {
      ...verdict,
      verdict: 'pass' as const,
      reasons: [],
      baseline: null,
      scorers: [alone(grounded), alone(answered)],
    }

    expect(linesOf(plain(80, { ...report, items: null, verdict: own }))).toEqual([
      'suite      support-answer',
      'candidate  support-answer@r13, run_01KB',
      'baseline   none',
      'dataset    support-questions@7, 400 items × 2 repeats',
      'judged     1,596 of 1,600 (4 abstained)',
      'cost       $0.84',
      '',
      'scorer    estimate           gate',
      'grounded  0.941 [.921 .958]  at least 0.9: pass',
      'answered  0.861 [.834 .888]',
      '',
      'estimate',
      'grounded                              ┊       ════════●═════════    pass',
      'answered    ───────────●───────────',
      '                 0.85                0.9                0.95',
      '',
      '● estimate, ─ 95 % interval, ═ what the gate decides on, ┊ bar',
      '',
      'pass (exit 0)',
    ])
  })

  test('says of a run without any judgement that there is none', () => {
    const empty = {
      ...alone(grounded),
      estimate: null,
      coverage: { scored: 0, abstained: 0, errors: 3, expected: 4 },
      gates: [],
    }
    const none = {
      ...verdict,
      verdict: 'inconclusive' as const,
      uncovered: true,
      baseline: null,
      scorers: [empty],
      reasons: ['grounded: 0 of 4 judged.'],
    }

    const lines = linesOf(plain(80, { ...report, items: null, verdict: none }))

    expect(lines).toContain('judged     0 of 4 (3 errors, 1 not judged)')
    expect(lines).toContain('grounded  -')
    expect(lines.at(-1)).toBe('inconclusive (exit 102)')
  })

  test.each([50, 60, 80, 100, 200])('fits %i columns, without trailing blanks', (width) => {
    const long = { ...words, scorer: '質問に答えたか'.repeat(8) }
    const wide = { ...report, verdict: { ...verdict, scorers: [grounded, answered, long] } }

    for (const line of linesOf(plain(width, wide))) {
      expect(stringWidth(line), line).toBeLessThanOrEqual(width)
      expect(line).toBe(line.trimEnd())
    }
  })

  test('lets no name or reason give orders to the terminal', () => {
    const hostile = '\u001b[2Jgro\u0007unded\u202e\nnext'
    const scorers = [{ ...grounded, scorer: hostile }]
    const item = { ...report.items?.items[0], itemId: hostile }
    const items = { ...report.items, items: [item] } as typeof report.items

    const text = plain(80, {
      ...report,
      about: { ...report.about, suite: hostile },
      items,
      verdict: { ...verdict, scorers, reasons: [`${hostile}: bad`], run: { id: hostile, subject: hostile } },
    })

    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
    expect(text).toContain('grounded next: bad')
  })

  test('says the same in colours', () => {
    const colored = renderTerminal(report, { colors: true, width: 80 })

    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours to take away
    expect(colored.replaceAll(/\u001b\[\d+m/g, '')).toBe(plain(80))
    expect(colored).toContain('\u001b[33m')
  })
})
