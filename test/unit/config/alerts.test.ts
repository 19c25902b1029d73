import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alertRuleNotes } from '../../../src/alert-rule-notes.ts'
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
        projects: null,
        routes: ['support-*'],
        upstreams: null,
        metrics: ['cost_per_request', 'latency_*'],
        forMs: 600_000,
        remindMs: 14_400_000,
        channels: ['on-call', 'team'],
      },
      expect.objectContaining({ routes: null, forMs: 0, remindMs: null, channels: ['mail'] }),
    ])
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
    [rules('{ channels: on-call, metric: x }'), /unknown key "metric". Did you mean "metrics"/],
  ])('with a mistake are refused with path and remedy: %s', (yaml, message) => {
    expect(problemsOf(yaml)).toEqual([expect.stringMatching(message)])
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
