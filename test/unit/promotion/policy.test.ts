import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config.ts'
import { ConfigError } from '../../../src/errors.ts'
import { readSuiteFile, type Suite } from '../../../src/evals/suites/suite.ts'
import { policyInForce } from '../../../src/policies-in-force.ts'
import { type Freeze, frozenAt } from '../../../src/promotion/freeze.ts'
import { explainPolicy, OPEN } from '../../../src/promotion/policy.ts'
import { checkPolicy } from '../../../src/promotion/policy-check.ts'
import { servedPath } from '../../../src/promotion/rollback.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function configOf(yaml: string, policies: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'aval-policies-'))
  folders.push(folder)
  writeFileSync(join(folder, 'aval.yaml'), yaml)
  if (Object.keys(policies).length > 0) mkdirSync(join(folder, 'policies'))
  for (const [name, text] of Object.entries(policies)) writeFileSync(join(folder, 'policies', name), text)
  return loadConfig({}, folder)
}

function problemsOf(yaml: string, policies: Record<string, string> = {}): string {
  try {
    configOf(yaml, policies)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join('\n')
    throw error
  }
  throw new Error('Nothing is wrong with it.')
}

describe('a policy', () => {
  test('is read from aval.yaml and from a file of its own, and holds for the labels that name it', () => {
    const config = configOf(
      'policies: { strict: { approvals: { count: 2 } } }\nroutes: { a: { labels: { production: { policy: strict }, staging: { policy: own } } } }',
      { 'own.yaml': 'suites: [s]\nrequire: [{ scorer: x, not_worse_by: 0.1, slice: { language: de } }]\n' },
    )

    expect(policyInForce(config, 'a', 'production').approvals.count).toBe(2)
    expect(policyInForce(config, 'a', 'staging').rules[0]).toMatchObject({
      notWorseBy: 0.1,
      slice: { language: 'de' },
    })
    expect(policyInForce(config, 'a', 'other')).toBe(OPEN)
    expect(policyInForce(config, 'b', 'production')).toBe(OPEN)
  })

  test.each([
    [
      'that is not there',
      'routes: { a: { labels: { production: { policy: strict } } } }',
      /no policy "strict". Known: open/,
    ],
    [
      'called open that demands something',
      'policies: { open: { approvals: { count: 1 } } }',
      /"open" is the one that demands nothing/,
    ],
    [
      'with a rule that demands nothing',
      'policies: { a: { require: [{ scorer: x }] } }',
      /one of at_least, at_most, not_worse_by/,
    ],
    ['with shrinking stages', 'policies: { a: { canary: { stages: [10%, 1%] } } }', /stages grow/],
    [
      'that waits less than it holds',
      'policies: { a: { canary: { stages: [1%], hold: 2h, max_wait: 1h } } }',
      /max_wait is longer than its hold/,
    ],
    ['with a stage for everybody', 'policies: { a: { canary: { stages: [100%] } } }', /below 100 %/],
    [
      'that samples more than all',
      'policies: { a: { canary: { stages: [1%], sample: 101% } } }',
      /a share above 0 % such as 20% or 100%/,
    ],
    [
      'in a zone that is none',
      'policies: { a: { freeze: [{ days: [fri], zone: Mars/Base, reason: x }] } }',
      /a time zone such as/,
    ],
    [
      'with a freeze past midnight',
      'policies: { a: { freeze: [{ days: [fri], from: "22:00", to: "06:00", zone: UTC, reason: x }] } }',
      /a window past midnight is two/,
    ],
    ['with a misspelt key', 'policies: { a: { aprovals: { count: 1 } } }', /Did you mean "approvals"/],
    [
      'on a route with neither targets nor labels',
      'routes: { a: { owner: x } }',
      /an object with targets, or with labels/,
    ],
  ])('%s is refused with its place', (_what, yaml, message) => {
    expect(problemsOf(yaml)).toMatch(message)
  })

  test('that stands twice, or in a file with a wrong name, is refused', () => {
    expect(problemsOf('policies: { a: {} }', { 'a.yaml': '{}' })).toMatch(/aval.yaml has a policy "a" too/)
    expect(problemsOf('{}', { 'Not_a_name.yaml': '{}' })).toMatch(/lower-case letters/)
  })

  test('is explained in sentences', () => {
    const [policy] = configOf(
      'policies: { a: { suites: [s], approvals: { count: 1 }, card: complete, canary: { stages: [1%, 50%], sample: 100% } } }',
    ).policies
    const sentences = explainPolicy(policy ?? OPEN)

    expect(sentences[0]).toBe('The suites s pass for exactly the release.')
    expect(sentences.join(' ')).toMatch(/1 person approves \(approver\) within 7 d; never who asked for it/)
    expect(sentences.join(' ')).toMatch(
      /A canary serves 1 %, 50 % of the users, each at least 30 min and 100 requests/,
    )
    expect(explainPolicy(OPEN)).toEqual(['Demands nothing: every move is recorded, and nobody is asked.'])
  })
})

describe('a freeze', () => {
  const weekend: Freeze = { days: ['fri'], from: 16 * 60, to: 1440, zone: 'Europe/Berlin', reason: 'weekend' }

  test.each([
    // Summer time: 16:00 in Berlin is 14:00 UTC; in winter it is 15:00 UTC.
    ['2026-07-03T13:59:59Z', false],
    ['2026-07-03T14:00:00Z', true],
    ['2026-07-03T21:59:59Z', true],
    ['2026-07-03T22:00:00Z', false],
    ['2026-12-04T14:59:59Z', false],
    ['2026-12-04T15:00:00Z', true],
    ['2026-07-02T15:00:00Z', false],
  ])('at %s holds: %s', (at, wanted) => {
    expect(frozenAt([weekend], Date.parse(at)) !== null).toBe(wanted)
  })

  test('between two moments ends with the second', () => {
    const window = { fromMs: 1000, toMs: 2000, reason: 'x' }
    expect([999, 1000, 1999, 2000].map((at) => frozenAt([window], at) !== null)).toEqual([
      false,
      true,
      true,
      false,
    ])
  })
})

describe('the check of a policy', () => {
  const suite = (text: string): Suite => {
    const read = readSuiteFile('s', text)
    if ('problems' in read) throw new Error(read.problems.join(' '))
    return read
  }
  const policy = { ...OPEN, name: 'p', suites: ['s'] }
  const labels = [{ route: 'a', label: 'production' }]
  const rule = {
    suite: null,
    scorer: 'contains',
    slice: null,
    atLeast: 0.5,
    atMost: null,
    notWorseBy: null,
    flipsAtMost: {},
  }
  const about = (text: string, rules: (typeof rule)[] = []) =>
    checkPolicy({ ...policy, rules }, [{ name: 's', read: suite(text) }], labels).problems

  test('finds what would keep every promotion from passing', () => {
    const good = 'dataset: d\nsubject: a\nscorers: [{ kind: contains, text: x }]\n'

    expect(about(good, [rule])).toEqual([])
    expect(about(good)).toEqual([expect.stringContaining('demands nothing of any scorer')])
    expect(about(good, [{ ...rule, scorer: 'contain' }])).toEqual(
      expect.arrayContaining([expect.stringContaining('Did you mean "contains"?')]),
    )
    expect(about(good.replace('subject: a', 'subject: b'), [rule])).toEqual([
      expect.stringContaining('says nothing of a'),
    ])
    expect(
      checkPolicy(policy, [{ name: 's', read: { problems: ['It is not there.'] } }], labels).problems,
    ).toContain('It is not there.')
  })
})

describe('the way that a label went', () => {
  const went = (moves: string) =>
    servedPath(
      moves
        .split(' ')
        .map((move) => ({
          kind: move.startsWith('<') ? ('rollback' as const) : ('promotion' as const),
          toReleaseId: move.replace('<', ''),
        }))
        .toReversed(),
    ).join(' ')

  test.each([
    ['1 2 3', '1 2 3'],
    ['1 2 3 <2', '1 2'],
    ['1 2 3 <2 <1', '1'],
    ['1 2 <1 3', '1 3'],
    ['1 2 1', '1 2 1'],
    ['1 2 1 <2', '1 2'],
    ['1 1 2', '1 2'],
  ])('%s is %s', (moves, path) => {
    expect(went(moves)).toBe(path)
  })
})
