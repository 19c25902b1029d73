/** Items of a dataset on their way to the server: so many in one call as it takes, then the version that names them. */

import type { Client } from '../../client.ts'
import type { DatasetItem } from '../../datasets.ts'
import type { PushedDataset } from './wire.ts'

/** What the server takes at once is 1,000 items and 16 MiB. */
const MAX_ITEMS = 1_000
const MAX_BATCH_BYTES = 8 * 1024 ** 2

type Batch = { items: DatasetItem[]; bytes: number }

export type ItemPusher = {
  /** `bytes` are those of its JSON. */
  add(item: DatasetItem, bytes: number): Promise<void>
  /** The hashes of all, in their order, once the last is there. */
  finish(): Promise<string[]>
}

/** `onPushed` is told how many are there by now. */
export function pushingItems(client: Client, onPushed: (items: number) => void): ItemPusher {
  const hashes: string[] = []
  let batch: Batch = { items: [], bytes: 0 }
  const flush = async () => {
    if (batch.items.length === 0) return
    const answer = await client.json<{ hashes: string[] }>({
      method: 'POST',
      path: '/api/datasets/items',
      body: { items: batch.items },
    })
    for (const hash of answer.hashes) hashes.push(hash)
    batch = { items: [], bytes: 0 }
    onPushed(hashes.length)
  }
  return {
    async add(item, bytes) {
      if (batch.items.length >= MAX_ITEMS || batch.bytes + bytes > MAX_BATCH_BYTES) await flush()
      batch.items.push(item)
      batch.bytes += bytes
    },
    async finish() {
      await flush()
      return hashes
    },
  }
}

/** The version of these items; one that has them already is that one. */
export async function pushVersion(
  client: Client,
  body: { name: string; items: readonly string[]; item_schema?: unknown; description?: string | undefined },
): Promise<PushedDataset> {
  return await client.json<PushedDataset>({ method: 'POST', path: '/api/datasets', body })
}
