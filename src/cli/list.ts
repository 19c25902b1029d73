/** One page of a list under /api: as JSON, or as a table with how to go on. */

import { type CliContext, type ListOptions, writeJson, writeNextPage } from './context.ts'
import { formatTable } from './format.ts'

/** What every list answers; `next_cursor` is null on the last page. */
export type Page<Row> = { data: Row[]; next_cursor: string | null }

type List<Row> = {
  path: string
  /** What is said of an empty page. */
  none: string
  head: readonly string[]
  /** The cells of a row. */
  cells: (row: Row) => readonly string[]
}

/** Options other than `--json` are the query. */
export async function showList<Row>(
  context: CliContext,
  { json, ...query }: ListOptions,
  { path, none, head, cells }: List<Row>,
): Promise<undefined> {
  const page = await context.client.json<Page<Row>>({ method: 'GET', path, query })
  if (json) writeJson(context, page)
  else if (page.data.length === 0) context.terminal.write(`${none}\n`)
  else {
    context.terminal.write(formatTable(head, page.data.map(cells)))
    writeNextPage(context, page.next_cursor)
  }
  return undefined
}
