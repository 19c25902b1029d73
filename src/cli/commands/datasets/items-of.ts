/** The items of a version, page by page; never fewer than it has, without a word. */

import type { Client } from '../../client.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { type DatasetVersion, datasetPath, type ItemsPage, refOf } from './wire.ts'

const PAGE = '200'

/** Throws CliError at the end when not all came: a part of them would look like the whole. */
export async function* itemsOf(client: Client, version: DatasetVersion): AsyncGenerator<ItemsPage['data']> {
  let cursor: string | null = null
  let count = 0
  do {
    const page: ItemsPage = await client.json<ItemsPage>({
      method: 'GET',
      path: `${datasetPath(refOf(version))}/items`,
      query: { limit: PAGE, cursor: cursor ?? undefined },
    })
    yield page.data
    count += page.data.length
    cursor = page.next_cursor
  } while (cursor !== null)
  if (count === version.items) return
  throw new CliError(EXIT.ours, `${refOf(version)} has ${version.items} items, and ${count} came.`)
}
