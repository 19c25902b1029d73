/** `aval dataset list|history|show|diff`: the versions of datasets that a server keeps. */

import type { Command } from 'commander'
import {
  type CliContext,
  type ListOptions,
  withExamples,
  withPaging,
  writeJson,
  writeNextPage,
} from '../../context.ts'
import { formatFields, formatTable, formatTime, shorten } from '../../format.ts'
import { type Page, showList } from '../../list.ts'
import { type DatasetVersion, datasetPath, type ItemsPage, refOf } from './wire.ts'

type ShowOptions = ListOptions & { items?: boolean }
type Diff = {
  from: string
  to: string
  added: number
  removed: number
  changed: number
  same: number
  moved: boolean
  schema_changed: boolean
} & Page<{ id: string; change: string; members: string[] }>

const HEAD = ['DATASET', 'ITEMS', 'PUSHED', 'BY', 'HASH', 'DESCRIPTION']

export function addDatasetVersionCommands(dataset: Command, context: CliContext): void {
  withExamples(
    withPaging(dataset.command('list').description('datasets of your project, each with its newest version')),
    'aval dataset list',
  ).action(
    context.run((options: ListOptions) =>
      list(context, options, {
        path: '/api/datasets',
        none: 'No datasets yet. Push a file of examples: aval dataset push refund-questions.jsonl',
      }),
    ),
  )
  withExamples(
    withPaging(
      dataset.command('history').argument('<name>').description('versions of a dataset, newest first'),
    ),
    'aval dataset history refund-questions',
  ).action(
    context.run((name: string, options: ListOptions) =>
      list(context, options, {
        path: datasetPath(name).replace(/\/versions\/.*$/, ''),
        none: 'No older versions.',
      }),
    ),
  )
  withExamples(
    withPaging(
      dataset
        .command('show')
        .argument('<dataset>', 'refund-questions for the newest version, or refund-questions@3')
        .description('a version: who, when, how many items')
        .option('--items', 'its items instead, a page of them'),
    ),
    'aval dataset show refund-questions',
    'aval dataset show refund-questions@3 --items --limit 10',
  ).action(context.run((ref: string, options: ShowOptions) => show(context, ref, options)))
  withExamples(
    withPaging(
      dataset
        .command('diff')
        .argument('<from>', 'refund-questions@2')
        .argument('<to>', 'refund-questions@3')
        .description('what differs between two versions, by item'),
    ),
    'aval dataset diff refund-questions@2 refund-questions@3',
  ).action(context.run((from: string, to: string, options: ListOptions) => diff(context, from, to, options)))
}

async function list(
  context: CliContext,
  options: ListOptions,
  place: { path: string; none: string },
): Promise<undefined> {
  return await showList<DatasetVersion>(context, options, {
    ...place,
    head: HEAD,
    cells: (one) => [
      refOf(one),
      String(one.items),
      formatTime(context.terminal, one.created_at),
      one.created_by_name ?? one.created_by,
      one.hash.slice(0, 12),
      shorten(one.description ?? '-', 60),
    ],
  })
}

async function show(
  context: CliContext,
  ref: string,
  { items, ...options }: ShowOptions,
): Promise<undefined> {
  if (items) return await showItems(context, ref, options)
  const one = await context.client.json<DatasetVersion>({ method: 'GET', path: datasetPath(ref) })
  if (options.json) {
    writeJson(context, one)
    return undefined
  }
  context.terminal.write(
    formatFields([
      ['dataset', refOf(one)],
      ['id', one.id],
      ['hash', one.hash],
      ['items', String(one.items)],
      ['description', one.description],
      ['schema', one.item_schema === null ? 'none' : JSON.stringify(one.item_schema)],
      ['pushed', formatTime(context.terminal, one.created_at)],
      ['by', one.created_by_name ?? one.created_by],
    ]),
  )
  return undefined
}

async function showItems(context: CliContext, ref: string, options: ListOptions): Promise<undefined> {
  return await showList<ItemsPage['data'][number]>(context, options, {
    path: `${datasetPath(ref)}/items`,
    none: 'No items after this.',
    head: ['ITEM', 'SPLIT', 'GROUP', 'ASKS', 'EXPECTED'],
    cells: ({ id, item }) => [
      id,
      textOf(item.split),
      textOf(item.group),
      shorten(textOf(item.input ?? item.variables ?? item.messages), 50),
      shorten(textOf(item.expected), 30),
    ],
  })
}

function textOf(value: unknown): string {
  if (value === undefined) return '-'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

async function diff(
  context: CliContext,
  from: string,
  to: string,
  { limit, cursor, json }: ListOptions,
): Promise<undefined> {
  datasetPath(from)
  const found = await context.client.json<Diff>({
    method: 'GET',
    path: `${datasetPath(to)}/diff`,
    query: { from, limit, cursor },
  })
  if (json) {
    writeJson(context, found)
    return undefined
  }
  const { terminal } = context
  const counts = `${found.added} added, ${found.removed} removed, ${found.changed} changed, ${found.same} the same`
  terminal.write(`${found.from} to ${found.to}: ${counts}.\n`)
  if (found.moved) terminal.write('Items that both have stand in another order.\n')
  if (found.schema_changed) terminal.write('The schema is another one.\n')
  if (found.data.length > 0) {
    const cells = found.data.map(({ id, change, members }) => [id, change, shorten(members.join(', '), 80)])
    terminal.write(`\n${formatTable(['ITEM', 'CHANGE', 'MEMBERS'], cells)}`)
  }
  writeNextPage(context, found.next_cursor)
  return undefined
}
