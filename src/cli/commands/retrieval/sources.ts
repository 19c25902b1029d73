/** `aval source add|list|show|problems|remove`: where documents come from. */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import {
  type CliContext,
  demandConsent,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
} from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatFields, formatTime, shorten } from '../../format.ts'
import { showList } from '../../list.ts'
import { type Problem, type Source, sourcePath } from './wire.ts'

type AddOptions = {
  path?: string
  url?: string[]
  pushed?: boolean
  language?: string
  licence?: string
  include?: string[]
  exclude?: string[]
  json?: boolean
}

export function addSourceCommands(source: Command, context: CliContext): void {
  withExamples(
    withJson(
      source
        .command('add')
        .argument('<name>', 'lower-case letters, digits and inner hyphens')
        .description('make a source, or give one other settings; nothing is read before a sync')
        .option('--path <folder>', 'a folder that the worker reads (needs the role admin)')
        .option('--url <address...>', 'documents at these addresses')
        .option('--pushed', 'documents come with: aval source push')
        .option('--include <pattern...>', 'of --path: only files that match, "**/*.md"')
        .option('--exclude <pattern...>', 'of --path: no files that match')
        .option('--language <tag>', 'of documents that do not say theirs: en, pt-BR')
        .option('--licence <text>', 'what the documents may be used for'),
    ),
    'aval source add handbook --path docs/handbook --language en --licence internal',
    'aval source add terms --url https://example.org/terms.html https://example.org/privacy.html',
    'aval source add tickets --pushed',
  ).action(context.run((name: string, options: AddOptions) => add(context, name, options)))
  withExamples(
    withPaging(source.command('list').description('sources of your project, by name')),
    'aval source list',
    'aval source list --json',
  ).action(context.run((options: ListOptions) => list(context, options)))
  withExamples(
    withJson(
      source.command('show').argument('<name>').description('a source: settings, documents, its newest sync'),
    ),
    'aval source show handbook',
  ).action(context.run((name: string, options: { json?: boolean }) => show(context, name, options)))
  withExamples(
    withPaging(
      source.command('problems').argument('<name>').description('files that gave no document, and why'),
    ),
    'aval source problems handbook',
  ).action(context.run((name: string, options: ListOptions) => listProblems(context, name, options)))
  withExamples(
    withJson(
      source
        .command('remove')
        .argument('<name>', 'a source that is pushed into')
        .argument('<key...>', 'of documents')
        .description('take documents out of a pushed source; indexes that were made with them keep them')
        .option('--yes', 'do not ask'),
    ),
    'aval source remove tickets 4711 4712 --yes',
  ).action(
    context.run((name: string, keys: string[], options: { yes?: boolean; json?: boolean }) =>
      remove(context, name, keys, options),
    ),
  )
}

async function add(context: CliContext, name: string, options: AddOptions): Promise<undefined> {
  const { path, url, pushed, language, licence, include, exclude } = options
  const places = [path, url, pushed].filter((place) => place !== undefined)
  if (places.length !== 1) {
    throw new CliError(
      EXIT.usage,
      'Say where the documents come from: --path, --url or --pushed, one of them.',
    )
  }
  const place =
    path !== undefined
      ? { kind: 'folder', path: pathFor(context, path), include, exclude }
      : url !== undefined
        ? { kind: 'urls', urls: url, include, exclude }
        : { kind: 'pushed', include, exclude }
  const body = { name, ...place, language, licence }
  const made = await context.client.json<Source & { created: boolean }>({
    method: 'POST',
    path: '/api/sources',
    body,
  })
  if (options.json) {
    writeJson(context, made)
    return undefined
  }
  writeSource(context, made)
  const next =
    made.kind === 'pushed' ? `aval source push ${name} FILE.jsonl` : `aval source sync ${name} --wait`
  context.terminal.write(`\n${made.created ? 'Made' : 'Changed'}. Next: ${next}\n`)
  return undefined
}

/** The worker may start elsewhere than this command; on the same machine the whole path means the same to both. */
function pathFor({ client }: CliContext, path: string): string {
  const { hostname } = new URL(client.url)
  return /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname) ? resolve(path) : path
}

async function list(context: CliContext, options: ListOptions): Promise<undefined> {
  return await showList<Source>(context, options, {
    path: '/api/sources',
    none: 'No sources. Make one: aval source add handbook --path docs/handbook',
    head: ['NAME', 'FROM', 'DOCUMENTS', 'PROBLEMS', 'SYNC', 'AT'],
    cells: (one) => [
      one.name,
      shorten(placeOf(one), 50),
      String(one.documents),
      String(one.problems),
      one.sync?.state ?? 'never',
      formatTime(context.terminal, one.sync?.updated_at ?? null),
    ],
  })
}

async function listProblems(context: CliContext, name: string, options: ListOptions): Promise<undefined> {
  return await showList<Problem>(context, options, {
    path: `${sourcePath(name)}/problems`,
    none: 'Every file that was read gave its documents.',
    head: PROBLEM_HEAD,
    cells: problemCells,
  })
}

export const PROBLEM_HEAD = ['FILE', 'REASON', 'WHAT TO DO']

export function problemCells({ key, reason, error }: Problem): string[] {
  return [shorten(key, 80), reason, error]
}

async function show(context: CliContext, name: string, options: { json?: boolean }): Promise<undefined> {
  const found = await context.client.json<Source>({ method: 'GET', path: sourcePath(name) })
  if (options.json) writeJson(context, found)
  else writeSource(context, found)
  return undefined
}

async function remove(
  context: CliContext,
  name: string,
  keys: string[],
  options: { yes?: boolean; json?: boolean },
): Promise<undefined> {
  await demandConsent(context, options.yes, `Remove ${keys.length} documents of ${name}?`)
  const { removed, source } = await context.client.json<{ removed: number; source: Source }>({
    method: 'DELETE',
    path: `${sourcePath(name)}/documents`,
    body: { keys },
  })
  if (options.json) writeJson(context, { removed, source })
  else context.terminal.write(`${removed} removed; ${source.name} has ${source.documents} documents.\n`)
  return undefined
}

function writeSource({ terminal }: CliContext, one: Source): void {
  const { sync, snapshot, settings } = one
  const patterns = (name: string) => {
    const given = settings[name]
    return Array.isArray(given) && given.length > 0 ? given.join(' ') : null
  }
  terminal.write(
    formatFields([
      ['source', one.name],
      ['id', one.id],
      ['from', placeOf(one)],
      ['include', patterns('include')],
      ['exclude', patterns('exclude')],
      ['language', textOf(settings.language)],
      ['licence', textOf(settings.licence)],
      ['documents', String(one.documents)],
      ['problems', one.problems === 0 ? '0' : `${one.problems}; see: aval source problems ${one.name}`],
      [
        'sync',
        sync === null ? 'never' : `${sync.state} ${formatTime(terminal, sync.updated_at)}  ${sync.id}`,
      ],
      ['', sync?.error ?? null],
      ['snapshot', snapshot === null ? null : `${snapshot.documents} documents  ${snapshot.hash}`],
      ['made', `${formatTime(terminal, one.created_at)} by ${one.created_by_name ?? one.created_by}`],
    ]),
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : 'unknown'
}

function placeOf({ kind, settings }: Source): string {
  if (kind === 'folder') return String(settings.path)
  const urls = Array.isArray(settings.urls) ? settings.urls.map(String) : []
  return kind === 'urls' ? urls.join(' ') : 'pushed'
}
