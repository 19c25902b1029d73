/** The house rules, held against the real sources; and the proof that the checker would notice a breach of each. */

import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ENVIRONMENT } from '../src/config/environment.ts'
import { architectureProblems, MAY_IMPORT, type Sources } from './support/architecture.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Fewer files than this and the test looks at the wrong folder. */
const MIN_FILES = 150

function readSources(): Sources {
  const paths = globSync('src/**/*.{ts,tsx,js,mjs,cjs,mts,cts}', { cwd: ROOT }).toSorted()
  return Object.fromEntries(paths.map((path) => [path, readFileSync(`${ROOT}/${path}`, 'utf8')]))
}

describe('the sources', () => {
  const sources = readSources()

  test('are seen', () => {
    expect(Object.keys(sources).length).toBeGreaterThanOrEqual(MIN_FILES)
    expect(Object.keys(sources)).toContain('src/gateway/serve.ts')
  })

  test('keep to the import table, reach outside only where it is allowed, and stay small', () => {
    expect(architectureProblems(sources)).toEqual([])
  })

  test('read at most 25 names from the environment', () => {
    expect(Object.keys(ENVIRONMENT).length).toBeLessThanOrEqual(25)
  })

  test('move labels in one place only', () => {
    const writes = /\.(?:insert|update|delete)\(labels\)|(?:INSERT INTO|UPDATE|DELETE FROM)\s+labels\b/
    const having = (pattern: RegExp) =>
      Object.entries(sources)
        .filter(([, text]) => pattern.test(text))
        .map(([path]) => path)
    const moves = having(writes)
    const calls = having(/\b(?:swapLabel|insertLabel)\(/)

    expect(moves).toEqual(['src/promotion/store.ts'])
    expect(calls).toEqual(['src/promotion/promote.ts', 'src/promotion/store.ts'])
  })

  test('come with at most 12 npm scripts', () => {
    const { scripts } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { scripts: object }

    expect(Object.keys(scripts).length).toBeLessThanOrEqual(12)
  })
})

describe('the table', () => {
  test('names only rooms it has, and no room twice as its own neighbour', () => {
    for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
      expect(Object.keys(MAY_IMPORT)).toEqual(expect.arrayContaining([...allowed]))
      expect(allowed).not.toContain(room)
    }
  })

  test('runs downwards only: no two rooms may import each other', () => {
    for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
      for (const other of allowed) expect(MAY_IMPORT[other]).not.toContain(room)
    }
  })
})

/** A small house in order; each case changes or adds one file. */
const HOUSE: Sources = {
  'src/lib/ids.ts': '/** Ids. */\nexport const a = 1\n',
  'src/errors.ts': '/** Errors. */\nexport const e = 1\n',
  'src/db/client.ts':
    "/** Db. */\nimport { a } from '../lib/ids.ts'\nimport { sql } from './orm.ts'\nexport const d = [a, sql]\n",
  'src/db/orm.ts': '/** Orm. */\nexport const sql = 1\n',
  'src/keys/store.ts': "/** Store. */\nimport { eq } from 'drizzle-orm'\nexport const s = eq\n",
  'src/keys/key.ts': "/** Key. */\nimport type { A } from '../lib/ids.ts'\nexport type K = A\n",
  'src/config.ts':
    "/** Config. */\nimport { e } from './errors.ts'\nimport { s } from './config/schema.ts'\nexport const env = [process.env, e, s]\n",
  'src/config/schema.ts': '/** Schema. */\nexport const s = 1\n',
  'src/http/server.ts':
    "/** Server. */\nimport { createServer, type Server } from 'node:http'\nimport { Hono } from 'hono'\nexport const h = [createServer, Hono]\n",
  'src/providers/transport.ts':
    "/** Out. */\nimport { Pool } from 'undici'\nexport const p = Pool\nexport const f = () => fetch('x')\n",
  'src/main.ts':
    "#!/usr/bin/env node\n/** Main. */\nimport { h } from './http/server.ts'\nconsole.log(h, 'fetch of process env')\n",
}

describe('the checker', () => {
  test('finds nothing in a house in order', () => {
    expect(architectureProblems(HOUSE)).toEqual([])
  })

  test.each([
    [
      'an upward import',
      'src/lib/up.ts',
      "/** . */\nimport { d } from '../db/client.ts'",
      /lib may not import db/,
    ],
    [
      'an upward import of a type',
      'src/db/up.ts',
      "/** . */\nimport type { K } from '../keys/key.ts'",
      /db may not import keys/,
    ],
    [
      'a neighbour',
      'src/audit/x.ts',
      "/** . */\nimport {\n  type K,\n  s,\n} from '../keys/store.ts'",
      /audit may not import keys/,
    ],
    [
      'a re-export',
      'src/lib/up.ts',
      "/** . */\nexport { d } from '../db/client.ts'",
      /lib may not import db/,
    ],
    [
      'an import for its effect',
      'src/lib/up.ts',
      "/** . */\nimport '../db/client.ts'",
      /lib may not import db/,
    ],
    [
      'a dynamic import',
      'src/lib/up.ts',
      "/** . */\nexport const x = () => import('../db/client.ts')",
      /lib may not import db/,
    ],
    [
      'a dynamic import of a computed name',
      'src/lib/up.ts',
      '/** . */\nexport const x = (n: string) => import(n)',
      /only shows at run time/,
    ],
    [
      'a thread of a higher room',
      'src/lib/up.ts',
      "/** . */\nnew URL('../db/client.ts', import.meta.url)",
      /lib may not import db/,
    ],
    [
      'an import of what composes',
      'src/keys/x.ts',
      "/** . */\nimport { m } from '../main.ts'",
      /imported by none/,
    ],
    ['a room nobody knows', 'src/helpers/x.ts', '/** . */', /unknown room "helpers"/],
    [
      'a file that does not exist',
      'src/keys/x.ts',
      "/** . */\nimport { m } from './gone.ts'",
      /does not exist/,
    ],
    ['a file outside src', 'src/keys/x.ts', "/** . */\nimport { m } from '../../test/m.ts'", /outside src/],
    ['a cycle of types', 'src/errors.ts', "/** . */\nimport type { E } from './errors.ts'", /imports itself/],
    [
      'SQL outside a store',
      'src/keys/x.ts',
      "/** . */\nimport { eq } from 'drizzle-orm'",
      /the database has another home/,
    ],
    [
      'what stands for it outside a store',
      'src/keys/x.ts',
      "/** . */\nimport { eq } from '../db/orm.ts'",
      /the database has another home/,
    ],
    [
      'the queue in a wrong place',
      'src/jobs/run.ts',
      "/** . */\nimport { Worker } from 'bullmq'",
      /the queue has another home/,
    ],
    [
      'the web framework in a wrong place',
      'src/main.ts',
      "/** . */\nimport { serve } from '@hono/node-server'",
      /web framework has another home/,
    ],
    [
      'an HTTP client library',
      'src/gateway/x.ts',
      "/** . */\nimport { request } from 'undici'",
      /outbound connections has another home/,
    ],
    [
      'HTTPS',
      'src/http/x.ts',
      "/** . */\nimport { request } from 'node:https'",
      /outbound connections has another home/,
    ],
    [
      'an HTTP request',
      'src/http/x.ts',
      "/** . */\nimport { request } from 'node:http'",
      /only providers and cli connect/,
    ],
    [
      'a socket',
      'src/http/x.ts',
      "/** . */\nimport { connect } from 'node:net'",
      /only providers and cli connect/,
    ],
    [
      'a global fetch',
      'src/gateway/x.ts',
      "/** . */\nexport const x = () => fetch('http://a')",
      /opens an outbound connection/,
    ],
    ['the environment', 'src/keys/x.ts', '/** . */\nexport const x = process.env.HOME', /reads process\.env/],
    [
      'the environment taken apart',
      'src/keys/x.ts',
      '/** . */\nexport const { env } = process',
      /reads process\.env/,
    ],
    ['a long file', 'src/keys/x.ts', `/** . */${'\nexport {}'.repeat(350)}`, /351 lines/],
    ['no opening comment', 'src/keys/x.ts', 'export const x = 1', /does not open with a comment/],
    ['a default export', 'src/keys/x.ts', '/** . */\nexport default 1', /default export/],
    ['an enum', 'src/keys/x.ts', '/** . */\nexport const enum X { A }', /enum/],
  ])('notices %s', (_name, path, source, problem) => {
    const problems = architectureProblems({ ...HOUSE, [path]: source })

    expect(problems).toEqual([expect.stringMatching(problem)])
    expect(problems[0]).toMatch(`${path}: `)
  })

  test('notices a cycle through three files, once', () => {
    const next = (file: string) => `/** . */\nimport type { X } from './${file}.ts'\n`

    const problems = architectureProblems({
      ...HOUSE,
      'src/keys/a.ts': next('b'),
      'src/keys/b.ts': next('c'),
      'src/keys/c.ts': next('a'),
    })

    expect(problems).toEqual([
      'src/keys/a.ts: imports itself: src/keys/a.ts -> src/keys/b.ts -> src/keys/c.ts -> src/keys/a.ts',
    ])
  })

  test('takes no word inside a comment, a string or a pattern for the thing itself', () => {
    const quiet = [
      "/** Says import { d } from '../db/client.ts' and fetch(x) and process.env. */",
      "// import { eq } from 'drizzle-orm'",
      "export const address = 'http://a//b'",
      'export const pattern = /^https?:\\/\\//',
      'export const after = catalogue.fetch(1)',
    ].join('\n')

    expect(architectureProblems({ ...HOUSE, 'src/keys/x.ts': quiet })).toEqual([])
  })
})
