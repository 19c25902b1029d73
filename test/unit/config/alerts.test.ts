import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alertRuleNotes } from '../../../src/alert-rule-notes.ts'
import { barsInForce } from '../../../src/alerts-in-force.ts'
import { loadConfig } from '../../../src/config.ts'
import { ConfigError } from '../../../src/errors.ts'

const ENVIRONMENT = {
  HOOK: `whsec_${Buffer.alloc(32).toString('base64')}`,
  SHORT: 'whsec_c2hvcnQ=',
  SLACK: 'https://hooks.example.org/services/T0/B0/x',
  SMTP_BARE: 'smtps://aval:100%@mail.example.org',
  SMTP: 'smtps://aval:a%40b@mail.example.org',
}
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aval-alerts-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function configOf(yaml: string) {
  writeFileSync(join(folder, 'aval.yaml'), yaml)
  return loadConfig(ENVIRONMENT, folder)
}
function problemsOf(yaml: string): readonly string[] {
  try {
    configOf(yaml)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((line) => line.replaceAll(`${folder}/`, ''))
    throw error
  }
  return []
}
const channels = (text: string) => `alerts: { channels: { ${text} } }`
const rules = (text: string) =>
  `upstreams: { lab: { dialect: openai, base_url: "http://gpu-1/v1" } }
routes: { support-answer: { targets: [lab/x] } }
alerts: { channels: { on-call: { kind: slack, url: env:SLACK } }, rules: [${text}] }`

/** A rule with a bar for one metric. */
const bar = (text: string, name = 'name: a, ', metrics = 'error_rate') =>
  rules(`{ ${name}metrics: ${metrics}, ${text} }`)

describe('alerts of aval.yaml', () => {
  test('are read with what they leave open filled in, secrets as secrets', () => {
    const { alerts } = configOf(`alerts:
  channels:
    on-call: { kind: webhook, url: "http://127.0.0.1:9000/", secret: env:HOOK }
    team: { kind: slack, url: env:SLACK }
    mail: { kind: email, smtp: env:SMTP, from: aval@example.org, to: ops@example.org }
  rules:
    - { routes: support-*, metrics: [cost_per_request, "latency_*"], for: 10m, remind: 4h, channels: [on-call, team] }
    - { channels: mail }`)

    expect(alerts.channels.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'on-call webhook',
      'team slack',
      'mail email',
    ])
    expect(JSON.stringify(alerts)).not.toMatch(/whsec|hooks.example|a%40b|127.0.0.1/)
    expect(alerts.rules).toEqual([
      {
        name: null,
        place: 'alerts.rules.0',
        projects: null,
        routes: ['support-*'],
        upstreams: null,
        metrics: ['cost_per_request', 'latency_*'],
        bar: null,
        forMs: 600_000,
        remindMs: 14_400_000,
        channels: ['on-call', 'team'],
      },
      expect.objectContaining({ routes: null, forMs: 0, remindMs: null, channels: ['mail'] }),
    ])
  })

  test.each([
    ['above: 0.05', 'error_rate', { side: 'above', limit: 0.05, overMs: 900_000, forMs: 600_000 }],
    ['above: 5%, over: 5m', 'error_rate', { side: 'above', limit: 0.05, overMs: 300_000 }],
    ['above: $0.002, over: 1h', 'cost_per_request', { limit: 2000, overMs: 3_600_000 }],
    ['above: 2000', 'cost_per_request', { limit: 2000 }],
    ['above: 2.5s', 'latency_p95', { limit: 2500 }],
    ['below: 0.9, for: 1h', '"score:grounded"', { side: 'below', limit: 0.9, forMs: 3_600_000 }],
    ['below: -1', '"score:rating"', { side: 'below', limit: -1 }],
    ['below: 2', 'requests_per_minute', { side: 'below', limit: 2 }],
  ])('hold a bar in the unit of its metric: %s of %s', (text, metric, wanted) => {
    const [rule] = configOf(bar(text, 'name: too-far, ', metric)).alerts.rules

    expect(rule).toMatchObject({ name: 'too-far', bar: { metric: metric.replaceAll('"', ''), ...wanted } })
    // It has waited already when it opens its alert, which nobody need be told.
    expect(rule).toMatchObject({ forMs: 0, channels: [] })
  })

  test.each([
    [
      channels('a: { kind: slack, url: "https://hooks.example.org/x" }'),
      /channels\.a\.url: .*never the secret itself/,
    ],
    [
      channels('a: { kind: webhook, url: "https://u:p@example.org/", secret: env:HOOK }'),
      /channels\.a\.url: .* without a password/,
    ],
    [
      channels('a: { kind: webhook, url: "https://example.org/", secret: env:SHORT }'),
      /env:SHORT is not whsec_ .*openssl rand/,
    ],
    [channels('a: { kind: slack, url: env:NONE }'), /alerts\.channels\.a\.url: the environment has no NONE/],
    [channels('a: { kind: slack, url: env:HOOK }'), /env:HOOK holds no http/],
    [
      channels('a: { kind: email, smtp: env:SLACK, from: a@b.org, to: c@d.org }'),
      /env:SLACK is no mail server/,
    ],
    [
      channels('a: { kind: email, smtp: env:SMTP_BARE, from: a@b.org, to: c@d.org }'),
      /env:SMTP_BARE has a bare "%" .* percent-encode the password/,
    ],
    [
      channels('a: { kind: email, smtp: env:SMTP, from: "a@b.org, c@d.org", to: c@d.org }'),
      /channels\.a\.from: .* a mail address/,
    ],
    [channels('a: { kind: pager }'), /channels\.a/],
    [
      rules('{ channels: oncall }'),
      /alerts\.rules\.0\.channels: there is no channel "oncall"\. Did you mean "on-call"\?/,
    ],
    [rules('{ channels: on-call, for: 25h }'), /rules\.0\.for: .* at most 24h/],
    [rules('{ channels: on-call, remind: 1m }'), /rules\.0\.remind: .* from 1h to 7d/],
    [rules('{ routes: "*" }'), /alerts\.rules\.0\.channels: is missing\. Name who is told/],
    [rules('{ channels: on-call, over: 5m }'), /rules\.0\.over: stands without a bar\. Add above or below/],
    [bar('above: 0.05', ''), /rules\.0\.name: is missing\. A bar needs one/],
    [
      rules('{ name: a, channels: on-call }, { name: a, channels: on-call }'),
      /rules\.1\.name: alerts\.rules\.0 is "a" too\. Give one another name/,
    ],
    [bar('above: 0.05, below: 0.01'), /rules\.0\.below: stands beside above\. .*write two rules/],
    [
      bar('above: 0.05', 'name: a, ', 'eror_rate'),
      /rules\.0\.metrics: nothing is watched by the name "eror_rate"\. Did you mean "error_rate"\?/,
    ],
    [
      bar('above: 0.05', 'name: a, ', '[error_rate, cut_rate]'),
      /rules\.0\.metrics: 2 names where the name of one/,
    ],
    [bar('above: 1', 'name: a, ', '"latency_*"'), /"latency_\*" stands for several metrics/],
    [
      bar('above: 0.1', 'name: a, ', '"data:embedder:x"'),
      /compares two windows .* Leave above and below out/,
    ],
    [bar('below: 0.9', 'name: a, ', '"score:"'), /"score:" says not of what/],
    [
      bar('below: 0.9', 'name: a, upstreams: lab, ', '"score:grounded"'),
      /rules\.0\.upstreams: only routes have score:grounded/,
    ],
    [
      bar('above: 5'),
      /rules\.0\.above: 5 where a share of 1, such as 0\.05, or 5% is expected \(error_rate\)/,
    ],
    [bar('above: 5 percent'), /rules\.0\.above: "5 percent" where a share/],
    [bar('above: 0.05', 'name: a, ', 'cost_per_request'), /above: 0\.05 where an amount such as \$0\.05/],
    [bar('above: $0.0000001', 'name: a, ', 'cost_per_request'), /above: "\$0\.0000001" where an amount/],
    [bar('above: 5%', 'name: a, ', 'latency_p95'), /above: "5%" where milliseconds, such as 2500, or 2\.5s/],
    [bar('above: 1'), /rules\.0\.above: nothing is ever above 1: error_rate goes from 0 to 1/],
    [bar('below: 0'), /rules\.0\.below: nothing is ever below 0/],
    [
      bar('below: 1', 'name: a, ', 'requests_per_minute'),
      /below: 1 in a minute are 15 requests in the window, .* Write 1\.34 or more, or a longer over/,
    ],
    [bar('above: 0.05, over: 7m'), /rules\.0\.over: .* in steps of 5m, from 5m to 1h/],
    [rules('{ channels: on-call, metric: x }'), /unknown key "metric". Did you mean "metrics"/],
  ])('with a mistake are refused with path and remedy: %s', (yaml, message) => {
    expect(problemsOf(yaml)).toEqual([expect.stringMatching(message)])
  })

  test('may stand in files beside it, each the rule that the file is called by', () => {
    mkdirSync(join(folder, 'alerts'))
    const write = (name: string, text: string) => writeFileSync(join(folder, 'alerts', name), text)
    try {
      write('too-many-errors.yaml', 'routes: support-*\nmetrics: error_rate\nabove: 5%\n')
      write('all.yml', 'channels: on-call\n')
      write('notes.txt', 'nothing')
      const config = configOf(rules('{ channels: on-call, routes: support-answer }'))
      expect(config.alerts.rules.map(({ name, place, bar }) => [name, place, bar?.limit])).toEqual([
        [null, 'alerts.rules.0', undefined],
        ['all', 'alerts/all.yml', undefined],
        ['too-many-errors', 'alerts/too-many-errors.yaml', 0.05],
      ])

      write('all.yml', 'channels: on-call\nroutes: suport-answer\n')
      expect(alertRuleNotes(configOf(rules('{ channels: on-call }')))).toEqual([
        expect.stringMatching(
          /^alerts\/all\.yml: routes: aval\.yaml has no route suport-answer\. Did you mean/,
        ),
      ])

      write('all.yml', 'channels: oncall\n')
      write('all.yaml', 'channels: on-call\n')
      write('Loud.yaml', 'channels: on-call\n')
      write('wrong.yaml', 'metrics: error_rate\nabov: 0.05\n')
      write('worse.yaml', 'metrics: eror_rate\nabove: 0.05\n')
      expect(problemsOf(rules('{ name: too-many-errors, channels: on-call }'))).toEqual([
        'alerts/Loud.yaml: call it by lower-case letters, digits and inner hyphens, at most 63.',
        'alerts/all.yml: alerts/all.yaml is a rule "all" too. Keep one.',
        'alerts/too-many-errors.yaml: alerts.rules.0 of aval.yaml is a rule "too-many-errors" too. Keep one.',
        'alerts/worse.yaml: metrics: nothing is watched by the name "eror_rate". Did you mean "error_rate"?',
        'alerts/wrong.yaml: (top level): unknown key "abov". Did you mean "above"?',
      ])
    } finally {
      rmSync(join(folder, 'alerts'), { recursive: true })
    }
  })

  test('are the last good ones while a file has mistakes, and bars unknown until it was read once', () => {
    let text = 'nonsense: true'
    const readConfig = () => configOf(text)
    const bars = barsInForce(readConfig)

    expect(bars()).toBeNull()
    text = bar('above: 0.05')
    expect(bars()).toMatchObject([{ name: 'a', bar: { limit: 0.05 } }])
    text = bar('above: 5')
    expect(bars()).toMatchObject([{ name: 'a', bar: { limit: 0.05 } }])
    text = rules('')
    expect(bars()).toEqual([])
  })

  test('that can never fire are named, and channels that nobody uses', () => {
    const notesOf = (text: string) => alertRuleNotes(configOf(rules(text)))

    expect(
      notesOf('{ routes: support-*, metrics: [latency_*, "score:grounded", "sc*"], channels: on-call }'),
    ).toEqual([])
    expect(notesOf('{ routes: suport-answer, channels: on-call }')).toEqual([
      'alerts.rules.0.routes: aval.yaml has no route suport-answer. Did you mean "support-answer"? It fires only for a route of the registry.',
    ])
    expect(notesOf('{ upstreams: lap, metrics: latency, channels: on-call }')).toEqual([
      'alerts.rules.0.upstreams: there is no upstream lap, so it never fires. Did you mean "lab"?',
      expect.stringMatching(
        /^alerts\.rules\.0\.metrics: nothing is watched by the name "latency"\. There are .*, latency_p95, .* The rule never fires for it\.$/,
      ),
    ])
    expect(notesOf('')).toEqual(['alerts.channels.on-call: no rule names it. Add it to channels of a rule.'])
  })
})
