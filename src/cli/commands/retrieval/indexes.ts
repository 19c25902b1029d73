/** `aval index list|show|diff|drop`: versions of indexes, and what differs between two. */

import type { Command } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import {
  type CliContext,
  demandConsent,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
  writeNextPage,
} from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatFields, formatTable, formatTime, shorten } from '../../format.ts'
import type { Page } from '../../list.ts'
import { showList } from '../../list.ts'
import { colorsOf } from '../../terminal.ts'
import { type IndexVersion, refOf, versionPath } from './wire.ts'

type Change = { key: string; change: 'added' | 'changed' | 'removed' }
type Diff = {
  from: string
  to: string
  manifest: { member: string; from: unknown; to: unknown }[]
  documents: Page<Change> & Record<Change['change'], number>
}

export function addIndexCommands(index: Command, context: CliContext): void {
  withExamples(
    withPaging(
      index
        .command('list')
        .argument('[name]', 'of this name only')
        .description('versions of indexes, newest first'),
    ),
    'aval index list',
    'aval index list handbook',
  ).action(context.run((name: string | undefined, options: ListOptions) => list(context, name, options)))
  withExamples(
    withJson(
      index
        .command('show')
        .argument('<index>', 'handbook@5, or handbook for its newest version')
        .description('a version: what it is made of, how far it is, what was found of it'),
    ),
    'aval index show handbook',
    'aval index show handbook@5 --json',
  ).action(context.run((ref: string, options: { json?: boolean }) => show(context, ref, options)))
  withExamples(
    withPaging(
      index
        .command('diff')
        .argument('<from>', 'handbook@4')
        .argument('<to>', 'handbook@5')
        .description('what differs between two versions: settings, and documents by their keys'),
    ),
    'aval index diff handbook@4 handbook@5',
  ).action(context.run((from: string, to: string, options: ListOptions) => diff(context, from, to, options)))
  withExamples(
    withJson(
      index
        .command('drop')
        .argument('<index>', 'handbook@4')
        .description('delete the chunks of a version that no label serves (admin); its manifest stays')
        .option('--yes', 'do not ask'),
    ),
    'aval index drop handbook@4 --yes',
  ).action(
    context.run((ref: string, options: { yes?: boolean; json?: boolean }) => drop(context, ref, options)),
  )
}

async function list(context: CliContext, name: string | undefined, options: ListOptions): Promise<undefined> {
  return await showList<IndexVersion>(
    context,
    { ...options, ...(name !== undefined && { name }) },
    {
      path: '/api/indexes',
      none: 'No indexes. Make one: aval index build handbook --source handbook',
      head: ['INDEX', 'STATE', 'CHUNKS', 'SOURCE', 'MODEL', 'CHUNKER', 'MADE', 'BY'],
      cells: (one) => [
        refOf(one),
        one.state,
        one.state === 'building'
          ? `${one.chunks_done} of ${one.chunks_total ?? '?'}`
          : String(one.chunks_total ?? '-'),
        one.manifest.source.name,
        one.manifest.embedding.model,
        `${one.manifest.chunker.kind} ${one.manifest.chunker.max_tokens}`,
        formatTime(context.terminal, one.created_at),
        shorten(one.created_by_name ?? one.created_by, 20),
      ],
    },
  )
}

async function show(context: CliContext, ref: string, options: { json?: boolean }): Promise<undefined> {
  const found = await context.client.json<IndexVersion>({ method: 'GET', path: versionPath(ref) })
  if (options.json) writeJson(context, found)
  else writeVersion(context, found)
  return undefined
}

export function writeVersion({ terminal }: CliContext, one: IndexVersion): void {
  const { manifest, validation } = one
  const { source, chunker, embedding } = manifest
  const prefixes = [embedding.query_prefix, embedding.document_prefix].map((prefix) => JSON.stringify(prefix))
  terminal.write(
    formatFields([
      ['index', refOf(one)],
      ['id', one.id],
      ['hash', one.hash],
      ['state', one.state + (one.step !== null && one.state === 'building' ? `, ${one.step}` : '')],
      [one.state === 'failed' ? 'because' : 'waits', one.error],
      ['source', `${source.name}, ${source.documents} documents  ${source.snapshot}`],
      [
        'chunker',
        `${chunker.kind}, at most ${chunker.max_tokens} tokens, ${chunker.overlap_tokens} repeated`,
      ],
      ['model', `${embedding.model}, ${embedding.dimensions} dimensions`],
      ['weights', embedding.digest ?? 'only the upstream knows'],
      ['prefixes', prefixes.join(' ') === '"" ""' ? null : prefixes.join(' ')],
      ['storage', `${manifest.storage}, ${manifest.metric}`],
      ['documents', `${one.documents_done} of ${one.documents_total}`],
      ['chunks', `${one.chunks_done} of ${one.chunks_total ?? 'unknown'}`],
      [
        'found',
        validation === null
          ? null
          : `${percent(validation.self_recall)} of sampled chunks by themselves, ${percent(validation.recall_at_10)} of the ten nearest`,
      ],
      ['made', `${formatTime(terminal, one.created_at)} by ${one.created_by_name ?? one.created_by}`],
    ]),
  )
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

async function diff(
  context: CliContext,
  from: string,
  to: string,
  { limit, cursor, json }: ListOptions,
): Promise<undefined> {
  const query = { from, to, limit, cursor }
  const found = await context.client.json<Diff>({ method: 'GET', path: '/api/indexes/diff', query })
  if (json) {
    writeJson(context, found)
    return undefined
  }
  const { terminal } = context
  const { green, red } = colorsOf(terminal)
  const { manifest, documents } = found
  for (const { member, from: old, to: now } of manifest) {
    terminal.write(`${member}\n  ${red(`- ${textOf(old)}`)}\n  ${green(`+ ${textOf(now)}`)}\n`)
  }
  const { added, changed, removed, data, next_cursor: next } = documents
  if (manifest.length + added + changed + removed === 0) {
    terminal.write('They are the same.\n')
    return undefined
  }
  terminal.write(`\ndocuments: ${added} added, ${changed} changed, ${removed} removed\n`)
  if (data.length > 0) {
    terminal.write(
      formatTable(
        ['', 'DOCUMENT'],
        data.map(({ key, change }) => [change, key]),
      ),
    )
  }
  writeNextPage(context, next)
  return undefined
}

function textOf(value: unknown): string {
  return printableLine(typeof value === 'string' ? value : JSON.stringify(value))
}

async function drop(
  context: CliContext,
  ref: string,
  options: { yes?: boolean; json?: boolean },
): Promise<undefined> {
  if (!ref.includes('@')) {
    throw new CliError(EXIT.usage, `Say which version to drop: ${ref}@5. aval index list ${ref} shows them.`)
  }
  const path = versionPath(ref)
  await demandConsent(context, options.yes, `Drop the chunks of ${ref}?`)
  const dropped = await context.client.json<IndexVersion>({ method: 'DELETE', path })
  if (options.json) writeJson(context, dropped)
  else
    context.terminal.write(
      `Dropped ${refOf(dropped)}. Its manifest stays: aval index show ${refOf(dropped)}\n`,
    )
  return undefined
}
