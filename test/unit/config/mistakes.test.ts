/** Every kind of mistake in aval.yaml and the environment: the message names the path, what stands there and the fix. */

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig, loadRetrieval } from '../../../src/config.ts'
import { ConfigError } from '../../../src/errors.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aval-config-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The problems of a file with this text, without the path it was written to. */
function problemsOf(yaml: string, environment: Record<string, string> = {}): readonly string[] {
  writeFileSync(join(folder, 'aval.yaml'), yaml)
  try {
    loadConfig(environment, folder)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((line) => line.replaceAll(`${folder}/`, ''))
    throw error
  }
  return []
}

const SECRET = 'sk-proj-4f9aVeryLongSecretThatNobodyMaySee0123456789'

describe('an unknown key is named with its place and what was probably meant', () => {
  test.each([
    ['at the top', 'servr: {}', 'aval.yaml: (top level): unknown key "servr". Did you mean "server"?'],
    ['in an object', 'server: { prot: 1 }', 'aval.yaml: server: unknown key "prot". Did you mean "port"?'],
    [
      'two deep',
      'limits: { app: { rmp: 1 } }',
      'aval.yaml: limits.app: unknown key "rmp". Did you mean "rpm"?',
    ],
    [
      'in an upstream',
      'upstreams: { lab: { dialect: openai, base_ulr: x } }',
      'aval.yaml: upstreams.lab: unknown key "base_ulr". Did you mean "base_url"?',
    ],
    [
      "in an upstream's timeouts",
      'upstreams: { lab: { dialect: anthropic, timeouts: { firstbyte: 2s } } }',
      'aval.yaml: upstreams.lab.timeouts: unknown key "firstbyte". Did you mean "first_byte"?',
    ],
    [
      'in a list item',
      'keys: [{ name: a, secret: env:X, roles: [app], concurency: 5 }]',
      'aval.yaml: keys.0: unknown key "concurency". Did you mean "concurrency"?',
    ],
    [
      "in a route's target",
      'routes: { r: { targets: [local/a, { model: local/x, wieght: 1 }] } }',
      'aval.yaml: routes.r.targets.1: unknown key "wieght". Did you mean "weight"?',
    ],
    [
      "in a target's timeouts",
      'routes: { r: { targets: [{ model: local/x, timeouts: { totl: 2s } }] } }',
      'aval.yaml: routes.r.targets.0.timeouts: unknown key "totl". Did you mean "total"?',
    ],
    [
      'and when nothing is near, what there is',
      'models: { colour: blue }',
      'aval.yaml: models: unknown key "colour". Known keys: dir, hub.',
    ],
    [
      'and a key of another dialect is unknown in this one',
      'upstreams: { lab: { dialect: gemini, query: { a: b } } }',
      'aval.yaml: upstreams.lab: unknown key "query". Known keys: dialect, key, base_url, timeouts, max_connections, headers, traceparent.',
    ],
  ])('%s', (_name, yaml, problem) => {
    expect(problemsOf(yaml)).toEqual([problem])
  })
})

describe('a wrong value is named with its place, its kind and what is expected', () => {
  test.each([
    ['server: { port: abc }', 'server.port: text "abc" where a number is expected.'],
    ['server: { port: 99999 }', 'server.port: number 99999 where at most 65535 is expected.'],
    ['server: { port: 1.5 }', 'server.port: number 1.5 where a whole number is expected.'],
    [
      'server: { drain: 5 }',
      'server.drain: number 5 where a duration such as 250ms, 30s or 5m, at most 24h is expected.',
    ],
    [
      'server: { drain: 5 parsecs }',
      'server.drain: text "5 parsecs" where a duration such as 250ms, 30s or 5m, at most 24h is expected.',
    ],
    [
      'server: { drain: 25h }',
      'server.drain: text "25h" where a duration such as 250ms, 30s or 5m, at most 24h is expected.',
    ],
    [
      'server: { max_body: 16 }',
      'server.max_body: number 16 where a size such as 512KiB, 16MiB or 20GB, at least 1KiB is expected.',
    ],
    [
      'server: { max_body: 12B }',
      'server.max_body: text "12B" where a size such as 512KiB, 16MiB or 20GB, at least 1KiB is expected.',
    ],
    ['server:', 'server: null where an object is expected.'],
    ['models: { hub: "yes" }', 'models.hub: text "yes" where true or false is expected.'],
    ['- a', '(top level): a list of 1 where an object is expected.'],
    [
      'upstreams: { a: { dialect: opnai } }',
      'upstreams.a.dialect: text "opnai" where one of openai, anthropic, gemini, local is expected.',
    ],
    [
      'upstreams: { a: {} }',
      'upstreams.a.dialect: nothing where one of openai, anthropic, gemini, local is expected.',
    ],
    [
      'upstreams: { a: { dialect: openai, responses: maybe } }',
      'upstreams.a.responses: text "maybe" where one of "auto", "native", "translate" is expected.',
    ],
    [
      'upstreams: { a: { dialect: openai, base_url: gpu-1:8000 } }',
      'upstreams.a.base_url: text of 10 characters where an http:// or https:// URL is expected.',
    ],
    [
      'upstreams: { A b: { dialect: openai } }',
      'upstreams.A b: the name "A b" where a name of lower-case letters, digits, ".", "_" and "-", at most 63 long is expected.',
    ],
    [
      'upstreams: { a: { dialect: openai, headers: { "x y": z } } }',
      'upstreams.a.headers.x y: the name "x y" where a header name of letters, digits and "-" is expected.',
    ],
    [
      'routes: { r: { targets: [] } }',
      'routes.r.targets: a list of 0 where at least 1 in the list is expected.',
    ],
    [
      'routes: { r: { targets: [gpt-4o] } }',
      'routes.r.targets.0: text "gpt-4o" where "upstream/model id", such as openai/gpt-4o-mini, is expected.',
    ],
    [
      'routes: { r: { targets: [5] } }',
      'routes.r.targets.0: number 5 where "upstream/model id", such as openai/gpt-4o-mini, is expected.',
    ],
    [
      'routes: { r: { targets: [{ model: local/x, weight: 0 }] } }',
      'routes.r.targets.0.weight: number 0 where more than 0 is expected.',
    ],
    [
      'routes: { r: { targets: [{ model: local/x, timeouts: { idle: soon } }] } }',
      'routes.r.targets.0.timeouts.idle: text "soon" where a duration such as 250ms, 30s or 5m, at most 24h is expected.',
    ],
    [
      'keys: [{ name: a, secret: env:X, roles: [boss] }]',
      'keys.0.roles.0: text "boss" where one of "admin", "engineer", "approver", "auditor", "app" is expected.',
    ],
    [
      'keys: [{ name: a, secret: env:X, roles: [app], owner: Anna Lee }]',
      'keys.0.owner: text "Anna Lee" where 1 to 100 letters, digits and . _ @ -, such as anna@example.com is expected.',
    ],
    [
      'keys: [{ name: a, secret: env:X, roles: [app], expires: tomorrow }]',
      'keys.0.expires: text "tomorrow" where a moment such as 2027-01-31T00:00:00Z is expected.',
    ],
    [
      'audit: { redaction: { kinds: { card: hide } } }',
      'audit.redaction.kinds.card: text "hide" where one of "mask", "tokenise", "drop", "off" is expected.',
    ],
    [
      'audit: { redaction: { patterns: [{ name: card, regex: x }] } }',
      'audit.redaction.patterns.0.name: text "card" where a name of lower-case letters, digits and "_", at most 32 long, that is no built-in kind is expected.',
    ],
    [
      'audit: { redaction: { patterns: [{ name: a, regex: x }, { name: a, regex: y }] } }',
      'audit.redaction.patterns.1.name: text "a" where a name that no other pattern has is expected.',
    ],
    [
      'retention: { profile: gdpr }',
      'retention.profile: text "gdpr" where one of "default", "ai-act", "hipaa", "pci" is expected.',
    ],
    [
      'retention: { profile: ai-act, days: 90 }',
      'retention.days: 90 days where at least 184 are expected by the profile "ai-act" (EU AI Act Art. 19 and 26(6): six months).',
    ],
    [
      'retention: { profile: hipaa, days: 2191 }',
      'retention.days: 2191 days where at least 2192 are expected by the profile "hipaa" (HIPAA 164.316(b)(2)(i): six years).',
    ],
    [
      'retention: { profile: ai-act, bodies: 30d }',
      'retention.bodies: 30 days where at least 184 are expected by the profile "ai-act" (EU AI Act Art. 19 and 26(6): six months).',
    ],
    [
      'monitoring: { keep: { minutes: 30d, hours: 7d } }',
      'monitoring.keep.hours: 7 days where at least the 30 of minutes are expected.',
    ],
    [
      'monitoring: { keep: { days: 36h } }',
      'monitoring.keep.days: text "36h" where whole days such as 30d, at most 3650d is expected.',
    ],
    [
      'monitoring: { read_bodies: yes please }',
      'monitoring.read_bodies: text "yes please" where true or false is expected.',
    ],
    [
      'retention: { days: 30, bodies: 31d }',
      'retention.bodies: 31 days where at most 30 are expected: a body goes with its row at the latest.',
    ],
    ['retention: { bodies: 36h }', 'retention.bodies: text "36h" where whole days such as 30d is expected.'],
    [
      'retention: { profile: hipaa }\naudit: { seal_bodies: false }',
      'audit.seal_bodies: false where true is expected by the profile "hipaa": its bodies are always sealed.',
    ],
    [
      'retention: { profile: pci }\naudit: { redaction: { kinds: { card: off } } }',
      'audit.redaction.kinds.card: text "off" where mask, tokenise or drop is expected by the profile "pci".',
    ],
    [
      'routes: { r: { targets: [nowhere/x, local/y] } }',
      'routes.r.targets.0: no upstream "nowhere". Known: local, ollama.',
    ],
  ])('%s', (yaml, problem) => {
    expect(problemsOf(yaml)).toEqual([`aval.yaml: ${problem}`])
  })

  test('every mistake of a file is listed, not only the first', () => {
    const problems = problemsOf(
      'server: { port: x, prot: 1 }\nroutes: { r: { targets: [{ modle: local/x }] } }',
    )

    expect(problems).toEqual([
      'aval.yaml: server.port: text "x" where a number is expected.',
      'aval.yaml: server: unknown key "prot". Did you mean "port"?',
      'aval.yaml: routes.r.targets.0.model: nothing where "upstream/model id", such as openai/gpt-4o-mini, is expected.',
      'aval.yaml: routes.r.targets.0: unknown key "modle". Did you mean "model"?',
    ])
  })
})

describe('a pattern that cannot run in linear time is refused with what to do instead', () => {
  test.each([
    ['(?=a)b', 'which has no lookaround (write what stands around the value into the pattern; '],
    ['(?<!a)b', 'which has no lookaround (write what stands around the value into the pattern; '],
    ['(a)\\\\1', 'which has no backreferences (write the repeated part out; '],
    ['(a', 'a pattern in RE2 syntax (missing closing ): `(a`)'],
    ['a{2000}', 'a pattern in RE2 syntax (invalid repeat count: `{2000}`)'],
    ['[a-f]{1000}'.repeat(12), 'a pattern with smaller repetitions'],
    ['a*', 'a pattern that needs at least one character to match'],
    ['\\\\b', 'a pattern that needs at least one character to match'],
    ['(?m)$', 'a pattern that needs at least one character to match'],
    ['x'.repeat(1001), 'a pattern of at most 1000 characters'],
  ])('%s', (regex, remedy) => {
    const problems = problemsOf(`audit: { redaction: { patterns: [{ name: a, regex: "${regex}" }] } }`)

    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(/^aval\.yaml: audit\.redaction\.patterns\.0\.regex: text /)
    expect(problems[0]).toContain(remedy)
  })

  test('and a long one is not repeated, for it may be a secret in the wrong place', () => {
    const problems = problemsOf(`audit: { redaction: { patterns: [{ name: a, regex: "(${SECRET}" }] } }`)

    expect(problems).toHaveLength(1)
    expect(problems[0]).not.toContain(SECRET.slice(0, 12))
  })
})

describe('text that is not YAML is named with its line', () => {
  test.each([
    ['a bracket left open', 'server:\n  port: 1\nkeys: [', /^aval\.yaml: line 3: not valid YAML: /],
    [
      'a key twice',
      'server: {}\nmodels: {}\nserver: {}',
      /^aval\.yaml: line 3: not valid YAML: Map keys must be unique/,
    ],
    ['a tab as indent', 'server:\n\tport: 1', /^aval\.yaml: line 2: not valid YAML: /],
    ['an alias without its anchor', 'server: *other', /^aval\.yaml: not valid YAML: Unresolved alias/],
    [
      'aliases of aliases of aliases',
      [
        'a: &a [x,x,x,x,x,x,x,x]',
        'b: &b [*a,*a,*a,*a,*a,*a,*a]',
        'c: &c [*b,*b,*b,*b,*b,*b]',
        'd: [*c,*c,*c,*c]',
      ].join('\n'),
      /^aval\.yaml: not valid YAML: Excessive alias count/,
    ],
  ])('%s', (_name, yaml, problem) => {
    expect(problemsOf(yaml)[0]).toMatch(problem)
  })

  test('a merge key is an unknown key, not a merge', () => {
    expect(problemsOf('server:\n  <<: { port: 1 }')).toEqual([
      expect.stringContaining('server: unknown key "<<".'),
    ])
  })
})

describe('a file that cannot be read', () => {
  test('is named when AVAL_CONFIG gives it', () => {
    const load = () => loadConfig({ AVAL_CONFIG: 'missing.yaml' }, folder)

    expect(load).toThrow(ConfigError)
    expect(load).toThrow(
      /AVAL_CONFIG names .*missing\.yaml, which does not exist\. Create it or unset the name\./,
    )
  })

  test('is named with the reason when it is a folder', () => {
    const load = () => loadConfig({ AVAL_CONFIG: '.' }, folder)

    expect(load).toThrow(ConfigError)
    expect(load).toThrow(/cannot be read \(EISDIR\)/)
  })

  test.skipIf(process.getuid?.() === 0)(
    'is named with the reason when rights are missing (not as root)',
    () => {
      const path = join(folder, 'closed.yaml')
      writeFileSync(path, '', { mode: 0o000 })

      expect(() => loadConfig({ AVAL_CONFIG: path }, folder)).toThrow(/cannot be read \(EACCES\)/)
      chmodSync(path, 0o600)
    },
  )
})

describe('a secret', () => {
  test.each([
    ['as the value of a key', `upstreams: { a: { dialect: openai, key: ${SECRET} } }`],
    ['short, as the value of a key', 'upstreams: { a: { dialect: openai, key: hunter2 } }'],
    ['in place of an upstream', `upstreams: { a: ${SECRET} }`],
    ['as a dialect', `upstreams: { a: { dialect: ${SECRET} } }`],
    ['in a header of the wrong kind', `upstreams: { a: { dialect: openai, headers: { x: [hunter2] } } }`],
    [
      'in a header that is too long',
      `upstreams: { a: { dialect: openai, headers: { x: ${'hunter2'.repeat(200)} } } }`,
    ],
    ['in an address', 'upstreams: { a: { dialect: openai, base_url: "ftp://me:hunter2@host" } }'],
    ['as the secret of a declared key', `keys: [{ name: a, roles: [app], secret: ${SECRET} }]`],
    ['in place of a declared key', `keys: [${SECRET}]`],
    ['as the whole file', SECRET],
  ])('%s is a mistake whose message does not show it', (_name, yaml) => {
    const problems = problemsOf(yaml)

    expect(problems.length).toBeGreaterThan(0)
    expect(problems.join('\n')).not.toContain(SECRET.slice(0, 12))
    expect(problems.join('\n')).not.toContain('hunter2')
  })

  test('pasted where its reference belongs is told what belongs there', () => {
    expect(problemsOf(`upstreams: { a: { dialect: openai, key: ${SECRET} } }`)).toEqual([
      `aval.yaml: upstreams.a.key: text of ${SECRET.length} characters where env:NAME or file:/path (never the secret itself) is expected.`,
    ])
  })

  test('that the environment does not have is asked for by name', () => {
    expect(problemsOf('upstreams: { a: { dialect: openai, key: env:LAB_KEY } }')).toEqual([
      'aval.yaml: upstreams.a.key: the environment has no LAB_KEY. Set it, or remove the entry.',
    ])
  })

  test('whose file is missing, empty or a folder is asked for by path', () => {
    writeFileSync(join(folder, 'empty'), '\n')
    mkdirSync(join(folder, 'folder'), { recursive: true })
    const problemOf = (file: string) =>
      problemsOf(`upstreams: { a: { dialect: openai, key: "file:${file}" } }`)

    expect(problemOf('gone')).toEqual(['aval.yaml: upstreams.a.key: the file gone cannot be read (ENOENT).'])
    expect(problemOf('empty')).toEqual([
      'aval.yaml: upstreams.a.key: the file empty is empty. Put the secret into it.',
    ])
    expect(problemOf('folder')).toEqual([
      'aval.yaml: upstreams.a.key: the file folder cannot be read (EISDIR).',
    ])
  })

  test('of a key that is too short to resist guessing is counted, not shown', () => {
    const yaml = 'keys: [{ name: a, roles: [app], secret: env:SHOP_KEY }]'
    const environment = { SHOP_KEY: 'hunter2', AVAL_ADMIN_KEY: 'hunter2', AVAL_PEPPER: 'hunter2' }

    expect(problemsOf(yaml, environment)).toEqual([
      'env:SHOP_KEY: the secret has 7 characters where at least 32 are expected.',
      'env:AVAL_ADMIN_KEY: the secret has 7 characters where at least 32 are expected.',
      'env:AVAL_PEPPER: the secret has 7 characters where at least 32 are expected.',
    ])
  })
})

describe('the environment', () => {
  test.each([
    [{ PORT: 'http' }, 'PORT: text "http" where a port number from 0 to 65535 is expected.'],
    [{ PORT: '70000' }, 'PORT: text "70000" where a port number from 0 to 65535 is expected.'],
    [
      { LOG_LEVEL: 'loud' },
      'LOG_LEVEL: text "loud" where one of trace, debug, info, warn, error, silent is expected.',
    ],
  ])('%j is a mistake', (environment, problem) => {
    expect(problemsOf('', environment as Record<string, string>)).toEqual([problem])
  })
})

describe('sources and indexes are told what is wrong with them', () => {
  test.each([
    [
      'a key that is none',
      'sources: { handbook: { path: docs, langage: en } }',
      'aval.yaml: sources.handbook: unknown key "langage". Did you mean "language"?',
    ],
    [
      'no place',
      'sources: { handbook: { language: en } }',
      'aval.yaml: sources.handbook: an object where an object with one of path, urls and pushed is expected.',
    ],
    [
      'two places',
      'sources: { handbook: { path: docs, pushed: true } }',
      'aval.yaml: sources.handbook: an object where an object with one of path, urls and pushed is expected.',
    ],
    [
      'patterns without a folder',
      'sources: { tickets: { pushed: true, include: ["*.md"] } }',
      'aval.yaml: sources.tickets.include: a list of 1 where nothing but beside path is expected.',
    ],
    [
      'an address that is none',
      'sources: { terms: { urls: [docs/terms.html] } }',
      'aval.yaml: sources.terms.urls.0: text "docs/terms.html" where an http:// or https:// address without a password is expected.',
    ],
    [
      'a name that is none',
      'sources: { Hand_Book: { pushed: true } }',
      'aval.yaml: sources.Hand_Book: the name "Hand_Book" where a name of lower-case letters, digits and inner hyphens, at most 63 long is expected.',
    ],
    [
      'an index without a source',
      'indexes: { handbook: {} }',
      'aval.yaml: indexes.handbook.source: nothing where a text is expected.',
    ],
    [
      'a model without its upstream',
      'indexes: { handbook: { source: handbook, embedding: embed } }',
      'aval.yaml: indexes.handbook.embedding: text "embed" where "upstream/model id", such as local/embed, is expected.',
    ],
    [
      'a chunker that is none',
      'indexes: { handbook: { source: handbook, chunker: { kind: pages } } }',
      'aval.yaml: indexes.handbook.chunker.kind: text "pages" where one of "headings", "sentences", "tokens" is expected.',
    ],
    [
      'a host that is an address',
      'documents: { private_hosts: ["http://wiki"] }',
      'aval.yaml: documents.private_hosts.0: text "http://wiki" where a host name such as wiki.corp, or an address is expected.',
    ],
  ])('%s', (_name, yaml, problem) => {
    expect(problemsOf(yaml)).toEqual([problem])
  })

  test('a password in an address is refused and not repeated', () => {
    const [problem = ''] = problemsOf('sources: { terms: { urls: ["https://me:hunter2@example.org/"] } }')

    expect(problem).toContain('without a password')
    expect(problem).not.toContain('hunter2')
  })

  test('the command line reads them whatever else in the file is wrong here', () => {
    writeFileSync(
      join(folder, 'aval.yaml'),
      'sources: { handbook: { path: docs, license: internal } }\nupstreams: { lab: { dialect: openai, key: env:NOT_HERE } }\nserver: { prot: 1 }\n',
    )

    const { sources, indexes } = loadRetrieval({}, folder)

    expect(sources).toEqual([{ name: 'handbook', kind: 'folder', path: 'docs', licence: 'internal' }])
    expect(indexes).toEqual([])
  })
})

test.each([
  ['no address', 'OPENAI_BASE_URL', 'https://api.openai.com/v1'],
  ['ftp://me:secret@host', 'OPENAI_BASE_URL', 'https://api.openai.com/v1'],
  ['localhost:8000', 'ANTHROPIC_BASE_URL', 'https://api.anthropic.com'],
])('an address %j in %s is named with what belongs there, and is not printed', (address, name, example) => {
  const key = name.replace('BASE_URL', 'API_KEY')

  expect(problemsOf('{}', { [key]: 'sk-1', [name]: address })).toEqual([
    `${name}: not an http:// or https:// URL. Write one such as ${example}`,
  ])
})
