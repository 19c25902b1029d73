import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config.ts'
import { ConfigError } from '../../../src/errors.ts'
import { readSuiteFile } from '../../../src/evals/suites/suite.ts'
import { policiesOfRoute } from '../../../src/policies-in-force.ts'
import { alertRuleProblems } from '../../../src/promotion/actions/check-rules.ts'
import { ordersFor } from '../../../src/promotion/actions/rules.ts'
import { askedProblem, takeBackProblem } from '../../../src/promotion/actions/take-back.ts'
import { explainPolicy, OPEN, parsePolicy } from '../../../src/promotion/policy.ts'
import { alertRule } from '../../support/alert-actions.ts'

const HOUR = 3_600_000

/** The policy `p` of a file, which production of the route `a` has. */
function policyOf(onAlert: string) {
  const folder = mkdtempSync(join(tmpdir(), 'aval-alert-rules-'))
  try {
    const route = 'routes: { a: { labels: { production: { policy: p } } } }'
    writeFileSync(
      join(folder, 'aval.yaml'),
      `policies: { p: { suites: [s], on_alert: ${onAlert} } }\n${route}\n`,
    )
    return policiesOfRoute(loadConfig({}, folder), 'a')[0]?.policy ?? OPEN
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('what a policy lets an alert do', () => {
  test('is read from its file, and said in words', () => {
    const policy = policyOf(`[
      { metrics: [error_rate, latency_p95], do: [freeze, roll_back], freeze_for: 4h },
      { metrics: ["score:*"], direction: down, do: [run_suite, review, dataset], items: 200 }]`)

    expect(explainPolicy(policy).slice(-2)).toEqual([
      'An alert about error_rate, latency_p95: nothing moves for 4 h, until somebody acknowledges it; a canary is taken off, and what moved the label up to 1 d before is taken back, once until a person looks.',
      'An alert about score:*, when it went down: the suites s are run on what the label serves; people are asked to review the newest judged run; up to 200 of the requests it is about become a dataset.',
    ])
    expect(explainPolicy(policyOf('[{ metrics: ["*"], do: [freeze] }]')).at(-1)).toBe(
      'An alert about any metric: nothing moves while it is open, until somebody acknowledges it.',
    )
    expect(parsePolicy('{"name":"from before"}').onAlert).toEqual([])
  })

  test.each([
    ['without a metric', '[{ metrics: [], do: [freeze] }]', /on_alert.0.metrics/],
    ['that does nothing', '[{ metrics: [error_rate], do: [] }]', /on_alert.0.do/],
    ['without rules', '[]', /on_alert/],
    ['with what no alert can do', '[{ metrics: [error_rate], do: [pray] }]', /on_alert.0.do.0: .*pray/],
    ['twice', '[{ metrics: [error_rate], do: [freeze, freeze] }]', /names each action once/],
    [
      'with a setting of nothing',
      '[{ metrics: [error_rate], do: [freeze], items: 5 }]',
      /items stands beside dataset/,
    ],
    ['of too many requests', '[{ metrics: [error_rate], do: [dataset], items: 501 }]', /items/],
    ['with a misspelt key', '[{ metric: [error_rate], do: [freeze] }]', /Did you mean "metrics"/],
  ])('%s is refused with its place', (_what, yaml, message) => {
    expect(() => policyOf(yaml)).toThrow(ConfigError)
    expect(() => policyOf(yaml)).toThrow(message)
  })

  test('that nothing watches, or no suite can do, is found by the check', () => {
    const policy = {
      ...OPEN,
      name: 'p',
      onAlert: [
        alertRule({ metrics: ['error_rat', 'score:polite', '*'], actions: ['run_suite'] }),
        alertRule({ metrics: ['moon:*'], actions: ['run_suite'], suites: ['other', 'gone'] }),
      ],
    }
    const read = readSuiteFile('other', 'dataset: d\nsubject: b\nscorers: [equals]\n')
    const suites = [
      { name: 'other', read },
      { name: 'gone', read: { problems: ['It is not there.'] } },
    ]

    expect(alertRuleProblems(policy, suites, [{ route: 'a', label: 'production' }])).toEqual([
      'on_alert.0.metrics: nothing is watched by the name "error_rat". Did you mean "error_rate"?',
      'on_alert.0: run_suite has no suite to run. Name some: suites: [support-answer]',
      expect.stringMatching(/^on_alert.1.metrics: nothing is watched by the name "moon:\*"/),
      'on_alert.1.suites: a@production has this policy, and evals/other.yaml is about b.',
      'on_alert.1.suites: It is not there.',
    ])
  })

  test('is done once, as the first rule about the metric and its direction says', () => {
    const first = alertRule({
      metrics: ['score:*'],
      direction: 'down',
      actions: ['dataset', 'freeze'],
      items: 5,
    })
    const second = alertRule({ actions: ['freeze', 'roll_back'] })
    const orders = (metric: string, value: number | null) =>
      ordersFor([first, second], { metric, value, usual: 1, bar: null }).map(
        ({ action, rule }) => `${action} ${rule === first ? 1 : 2}`,
      )

    expect(orders('score:polite', 0.5)).toEqual(['dataset 1', 'freeze 1', 'roll_back 2'])
    for (const value of [1.5, 1, null])
      expect(orders('score:polite', value)).toEqual(['freeze 2', 'roll_back 2'])
    expect(orders('scores', 0.5)).toEqual(['freeze 2', 'roll_back 2'])
    const bar = { rule: 'a', metric: 'score:polite', side: 'below', limit: 0.9, overMs: 1, forMs: 1 } as const
    const barred = { metric: 'score:polite', usual: null, bar }
    expect(ordersFor([first], { ...barred, value: 0.8 })).toHaveLength(2)
    expect(ordersFor([first], { ...barred, value: 0.95 })).toEqual([])
    expect(ordersFor([first], { metric: 'error_rate', value: 2, usual: 1, bar: null })).toEqual([])
  })

  test.each([
    ['latency_*', 'latency_p95', 1],
    ['latency_*', 'ttft_p95', 0],
    ['*', 'data:judge:polite', 1],
    ['score:*', 'score:polite', 1],
    ['score:*', 'score_errors:polite', 0],
  ])('is about the metrics of %j as a rule that tells is: %s, %i of one', (pattern, metric, count) => {
    const rule = alertRule({ metrics: [pattern], actions: ['freeze'] })

    expect(ordersFor([rule], { metric, value: 2, usual: 1, bar: null })).toHaveLength(count)
  })
})

describe('a label', () => {
  const moved = Date.UTC(2026, 5, 1, 12)
  const problem = (
    beganAfterMs: number,
    {
      kind = 'promotion' as 'promotion' | 'canary' | 'rollback' | 'break_glass' | null,
      unanswered = false,
      isCanary = null as boolean | null,
    } = {},
  ) =>
    takeBackProblem(
      { beganAtMs: moved + beganAfterMs },
      { kind, atMs: moved, by: 'ben', isCanary: isCanary ?? kind === 'canary' },
      { withinMs: 24 * HOUR, unanswered: unanswered ? { alertId: 'alr_1', actedAt: new Date(moved) } : null },
    )

  test.each([
    ['moved in time before the change began', 0, {}, null],
    ['moved exactly as long before as is allowed', 24 * HOUR, {}, null],
    [
      'moved longer before',
      24 * HOUR + 1,
      {},
      'it was last moved at 2026-06-01T12:00:00.000Z, more than 1 d before',
    ],
    ['moved within the five minutes in which the change began', -299_999, {}, null],
    ['moved after the five minutes in which the change began', -300_000, {}, 'so the move is not its cause'],
    ['with a canary that has been on for long', 72 * HOUR, { kind: 'canary' }, null],
    ['with a canary that somebody set by hand long ago', 72 * HOUR, { isCanary: true }, null],
    [
      'with a canary that began after the change',
      -300_000,
      { kind: 'canary' },
      'so the move is not its cause',
    ],
    ['that a person rolled back', HOUR, { kind: 'rollback' }, 'ben rolled it back'],
    ['moved in an emergency', HOUR, { kind: 'break_glass' }, 'may be the one that had to go'],
    [
      'rolled back by a policy that nobody answered',
      HOUR,
      { unanswered: true },
      'not rolled back twice in a row without a person',
    ],
  ] as const)('%s', (_what, beganAfterMs, given, sentence) => {
    if (sentence === null) expect(problem(beganAfterMs, given)).toBeNull()
    else expect(problem(beganAfterMs, given)).toContain(sentence)
  })

  test.each([
    ['half of what was asked', { ofLabel: 5, ofRoute: 10 }, null],
    [
      'less than half',
      { ofLabel: 5, ofRoute: 11 },
      'most of what changed was asked of other labels or releases',
    ],
    ['nothing', { ofLabel: 0, ofRoute: 10 }, 'nothing was asked of it by this label since the change began'],
    ['nothing of nothing', { ofLabel: 0, ofRoute: 0 }, 'nothing was asked of it by this label'],
  ])('that was asked %s', (_what, counted, sentence) => {
    if (sentence === null) expect(askedProblem(counted)).toBeNull()
    else expect(askedProblem(counted)).toContain(sentence)
  })

  test('of whose moves nothing is known is left where it is', () => {
    expect(takeBackProblem({ beganAtMs: 0 }, null, { withinMs: 1, unanswered: null })).toMatch(
      /nothing is known/,
    )
  })
})
