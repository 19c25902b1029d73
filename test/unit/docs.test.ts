import { existsSync, globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { z } from 'zod'
import { EXIT, exitCodesHelp } from '../../src/cli/exit-codes.ts'
import { ENVIRONMENT, OTEL_ENVIRONMENT } from '../../src/config/environment.ts'
import { configFile } from '../../src/config/schema.ts'
import { loadConfig } from '../../src/config.ts'
import { ERROR_TABLE } from '../../src/errors.ts'
import { MAY_IMPORT } from '../support/architecture.ts'
import { commandTree } from '../support/command-tree.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const manifest = JSON.parse(read('package.json')) as Record<
  'scripts' | 'dependencies' | 'optionalDependencies',
  Record<string, string>
>

const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...globSync('docs/**/*.md', { cwd: ROOT }).toSorted(),
]
const ARCHITECTURE = read('ARCHITECTURE.md')
const CONFIGURATION = read('docs/configuration.md')

/** The text of the section under `## title`. */
function section(page: string, title: string): string {
  const found = page.split(/^## /m).find((part) => part.startsWith(`${title}\n`))
  if (found === undefined) throw new Error(`No section "${title}".`)
  return found
}

/** Rows of the tables in a text, cells trimmed, without header and rule. */
function rows(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('|'))
  const cells = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  return cells.filter((_, at) => !isRule(cells[at]) && !isRule(cells[at + 1]))
}

function isRule(cells: string[] | undefined): boolean {
  return cells?.every((cell) => /^-+$/.test(cell)) === true
}

const unquoted = (cell = '') => cell.replaceAll('`', '')

test('the pages are seen', () => {
  expect(PAGES.length).toBeGreaterThanOrEqual(20)
})

describe('every page', () => {
  test.each(PAGES)('%s links to files that exist', (page) => {
    const targets = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(
      ([, to]) => to ?? '',
    )

    const missing = targets.filter((to) => !existsSync(resolve(ROOT, dirname(page), to)))

    expect(missing).toEqual([])
  })

  test.each(PAGES)('%s names files of the repository that exist', (page) => {
    const named = [...read(page).matchAll(/`((?:src|test|bench|migrations|models|\.ci)\/[\w./-]*)`/g)]

    const missing = named.map(([, path]) => path ?? '').filter((path) => !existsSync(join(ROOT, path)))

    expect(missing).toEqual([])
  })

  test.each(PAGES)('%s quotes tests by the names they have', (page) => {
    const quoted = quotedTests(read(page))

    const missing = quoted.filter(({ file, name }) => !read(file).includes(name))

    expect(missing).toEqual([])
  })

  test.each(PAGES)('%s shows commands and options that exist', (page) => {
    const { scripts } = manifest
    const wrong = commandLines(read(page)).flatMap((line) => problemsOf(line, scripts))

    expect(wrong).toEqual([])
  })
})

test('the laws are quoted from tests', () => {
  expect(quotedTests(ARCHITECTURE).length).toBeGreaterThanOrEqual(15)
})

describe('the README', () => {
  const readme = read('README.md')

  test('starts with the two commands, and they exist', () => {
    expect(readme).toMatch(/```sh\nnpm ci && npm start\n```/)
    expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining(['start', 'test', 'check', 'bench']))
  })

  test('leads to every page of docs/', () => {
    const pages = globSync('docs/*.md', { cwd: ROOT })

    expect(pages.filter((page) => !readme.includes(`(${page})`))).toEqual([])
  })
})

describe('ARCHITECTURE.md', () => {
  test('has at most 150 lines', () => {
    expect(ARCHITECTURE.trimEnd().split('\n').length).toBeLessThanOrEqual(150)
  })

  test('has every room and every file that composes them in its codemap', () => {
    const map = section(ARCHITECTURE, 'Codemap')
    const rooms = globSync('src/*/**/', { cwd: ROOT }).map((path) => path.replace(/\/?$/, '/'))
    const files = globSync('src/*.ts', { cwd: ROOT })

    expect(rooms.length).toBeGreaterThan(10)
    expect([...rooms, ...files].filter((path) => !map.includes(`\`${path}\``))).toEqual([])
  })

  test('prints the import table that is held', () => {
    const printed = rows(section(ARCHITECTURE, 'Import table')).flatMap(([names = '', allowed = '']) =>
      names.split(', ').map((name) => [name, allowed] as const),
    )

    expect(printed.map(([name]) => name).toSorted()).toEqual(Object.keys(MAY_IMPORT).toSorted())
    for (const [name, allowed] of printed) {
      const may = MAY_IMPORT[name] ?? []
      const said = allowed.split(/\W+/).filter((word) => Object.hasOwn(MAY_IMPORT, word) && word !== name)
      if (/never/.test(allowed)) said.pop()
      expect(may, name).toEqual(expect.arrayContaining(said))
      if (!/below|every room/.test(allowed)) expect(said.toSorted(), name).toEqual([...may].toSorted())
    }
  })
})

describe('docs/configuration.md', () => {
  const settings = rows(section(CONFIGURATION, 'aval.yaml'))

  test('has every key of aval.yaml and no other', () => {
    const documented = settings.map(([key]) => unquoted(key))

    expect(documented.toSorted()).toEqual(leaves(configFile).toSorted())
  })

  test('has every environment name and no other', () => {
    const documented = rows(section(CONFIGURATION, 'Environment')).map(([name]) => unquoted(name))

    expect(documented.toSorted()).toEqual(Object.keys(ENVIRONMENT).toSorted())
  })

  test('has every name of OpenTelemetry that is read', () => {
    const documented = rows(section(CONFIGURATION, 'OpenTelemetry')).map(([name]) => unquoted(name))

    expect(documented.toSorted()).toEqual(Object.keys(OTEL_ENVIRONMENT).toSorted())
  })

  test('gives the defaults that are in force', () => {
    const upstream = { openai: { dialect: 'openai' } }
    const written: Record<string, unknown> = { upstreams: structuredClone(upstream), routes: {} }
    for (const [key = '', value = ''] of settings) {
      const [, text] = /^`([^`]+)`$/.exec(value) ?? []
      if (
        text === undefined ||
        /^keys\[|^authorization/.test(unquoted(key) + text) ||
        /header$/.test(unquoted(key))
      )
        continue
      const path = unquoted(key).replace('routes.<name>', 'routes.r').replace('<name>', 'openai').split('.')
      put(written, path, /^(true|false|\d+(\.\d+)?)$/.test(text) ? JSON.parse(text) : text)
    }
    Object.assign((written.routes as { r: object }).r, { targets: ['openai/x'] })
    // What a policy's canary has to say itself.
    const { canary } = (written.policies as { openai: { canary: { margins: Record<string, object> } } })
      .openai
    const bars = { latency: { ratio: 0.2 }, ttft: { ratio: 0.2 } }
    Object.assign(canary, { stages: ['1%'] })
    for (const [name, bar] of Object.entries(bars)) Object.assign(canary.margins[name] ?? {}, bar)
    const policies = { openai: { canary: { stages: ['1%'], margins: bars } } }

    const spelled = configOf(written)
    const left = configOf({ upstreams: upstream, policies, routes: { r: { targets: ['openai/x'] } } })

    expect(leaves(configFile).length).toBeGreaterThan(30)
    expect(JSON.stringify(written)).toContain('first_byte')
    expect(spelled).toEqual(left)
  })

  test('shows an example that is accepted', () => {
    const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(CONFIGURATION) ?? []
    const secret = 'a'.repeat(32)

    const config = configOf(yaml, {
      AZURE_OPENAI_API_KEY: secret,
      WEB_SHOP_KEY: secret,
      OPENAI_API_KEY: secret,
      ANTHROPIC_API_KEY: secret,
    })

    expect(config.routes).toHaveLength(1)
    expect(config.keys).toHaveLength(1)
  })
})

describe('tables of codes', () => {
  test('docs/cli.md has the exit codes of the program, with its words', () => {
    const documented = rows(section(read('docs/cli.md'), 'Exit codes')).map(([code, meaning]) => ({
      code,
      meaning,
    }))
    const printed = exitCodesHelp()
      .split('\n')
      .flatMap((line) => {
        const [, code, meaning] = /^ +(\d+) {2}(.+)$/.exec(line) ?? []
        return code === undefined ? [] : [{ code, meaning }]
      })

    expect(documented).toEqual(printed)
    expect(documented.map(({ code }) => Number(code)).toSorted()).toEqual(Object.values(EXIT).toSorted())
  })

  test('docs/wire-compatibility.md has every error code with its status and type', () => {
    const documented = rows(section(read('docs/wire-compatibility.md'), 'Errors'))

    expect(
      documented.map(([code, status, type]) => [unquoted(code), Number(status), type]).toSorted(),
    ).toEqual(
      Object.entries(ERROR_TABLE)
        .map(([code, { status, type }]) => [code, status, type])
        .toSorted(),
    )
  })
})

test('every runtime dependency has a line with its reason, and no other package has', () => {
  const reasons = rows(read('docs/adr/0001-runtime-dependencies.md')).filter(([, reason]) => reason !== '')

  const documented = reasons.flatMap(([names = '']) => names.split(', ').map(unquoted))

  expect(documented.toSorted()).toEqual(
    [...Object.keys(manifest.dependencies), ...Object.keys(manifest.optionalDependencies)].toSorted(),
  )
})

test('every table of the database is in docs/storage.md', () => {
  const sql = globSync('migrations/*.sql', { cwd: ROOT }).map(read).join('\n')
  const tables = [...sql.matchAll(/^CREATE TABLE (\w+)/gm)].map(([, name]) => name ?? '')
  const documented = section(read('docs/storage.md'), 'Tables')

  expect(tables.length).toBeGreaterThan(5)
  expect(tables.filter((name) => !documented.includes(`\`${name}\``))).toEqual([])
})

/** `test/….test.ts` “name”, “another name of the same file”. */
function quotedTests(page: string): { file: string; name: string }[] {
  const groups = page.matchAll(/`(test\/[\w./-]+\.test\.ts`)((?:,?\s+“[^”]+”)+)/g)
  return [...groups].flatMap(([, file = '', names = '']) =>
    [...names.matchAll(/“([^”]+)”/g)].map(([, name = '']) => ({
      file: unquoted(file),
      name: name.replace(/\s+/g, ' '),
    })),
  )
}

/** Lines of shell blocks and inline code that call npm or aval, comments and settings in front taken off. */
function commandLines(page: string): string[] {
  const blocks = [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].flatMap(([, language = '', text = '']) =>
    language === '' || language === 'sh' ? text.split('\n') : [],
  )
  const inline = [...page.replace(/```[\s\S]*?```/g, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, text = '']) => text,
  )
  return [...blocks, ...inline]
    .flatMap((line) => line.replace(/ #.*$| {4,}.*$/g, '').split('&&'))
    .map((line) =>
      line
        .trim()
        .replace(/^\$ /, '')
        .replace(/^([A-Z_]+=\S*\s+)+/, ''),
    )
    .filter((line) => /^(npm|npx|aval) /.test(line))
}

/** What does not exist in one command line; npm's own `ci` is npm's. */
function problemsOf(line: string, scripts: Record<string, string>): string[] {
  const [, npm] = /^npm (?:run )?(?:-s )?(\S+)/.exec(line) ?? []
  const words = line.replace(/^npm run aval --|^npx aval|^aval/, '').match(/"[^"]*"|\S+/g) ?? []
  if (npm !== undefined && npm !== 'aval') {
    return npm === 'ci' || Object.hasOwn(scripts, npm) ? [] : [`${line}: no npm script ${npm}`]
  }
  const path: string[] = []
  let command: Command = commandTree()
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word)
    if (next === undefined) break
    command = next
    path.push(word)
  }
  const first = words[0] ?? ''
  if (path.length === 0 && !/^[-<…]/.test(first)) return [`${line}: no command ${first}`]
  if (
    command.commands.length > 0 &&
    words.length > path.length &&
    !/^[-<|…]/.test(words[path.length] ?? '')
  ) {
    return [`${line}: ${path.join(' ')} has no ${words[path.length]}`]
  }
  const known = command.options.map(({ long }) => long)
  return words
    .filter(
      (word) => /^--[a-z]/.test(word) && !['--help', '--version'].includes(word) && !known.includes(word),
    )
    .map((word) => `${line}: ${path.join(' ')} has no ${word}`)
}

type Definition = {
  type: string
  innerType?: z.core.$ZodType
  in?: z.core.$ZodType
  shape?: Record<string, z.core.$ZodType>
  valueType?: z.core.$ZodType
  element?: z.core.$ZodType
  options?: z.core.$ZodType[]
}

/** Paths of everything that holds a value: `upstreams.<name>.timeouts.idle`, `routes.<name>.targets[]`. */
function leaves(schema: z.core.$ZodType, path = ''): string[] {
  const { innerType, in: from, shape, valueType, element, options } = schema._zod.def as Definition
  const inner = innerType ?? from
  if (inner !== undefined) return leaves(inner, path)
  if (shape !== undefined) {
    return Object.entries(shape).flatMap(([key, value]) =>
      leaves(value, path === '' ? key : `${path}.${key}`),
    )
  }
  if (valueType !== undefined) return leaves(valueType, `${path}.<name>`)
  if (element !== undefined) return leaves(element, `${path}[]`)
  if (options !== undefined) return [...new Set(options.flatMap((option) => leaves(option, path)))]
  return [path]
}

function put(target: Record<string, unknown>, [key = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    target[key] = value
    return
  }
  target[key] ??= {}
  put(target[key] as Record<string, unknown>, rest, value)
}

/** The effective config of a file, given as YAML or as a value, without its path. */
function configOf(file: object | string, environment: Record<string, string> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'aval-docs-'))
  writeFileSync(join(directory, 'aval.yaml'), typeof file === 'string' ? file : stringify(file))
  return { ...loadConfig(environment, directory), home: '', configPath: '' }
}
