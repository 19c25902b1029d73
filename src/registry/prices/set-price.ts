/** A project sets its own price of a model. Prices are added, never changed: a correction is another one. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Actor } from '../actor.ts'
import { announceRegistryChange } from '../releases/store.ts'
import type { TokenFigures } from './price.ts'
import { insertPrice, type PriceRow } from './store.ts'

export type NewPrice = {
  upstream: string
  /** The upstream's id of the model. */
  model: string
  /** Milliseconds since the epoch; null is now. May be past or to come. */
  validFromMs: number | null
  /** Where the figures come from, in the actor's words. */
  source: string
  figures: TokenFigures & { perImage: bigint | null; perRequest: bigint | null } & {
    /** Of tokens in batches. */
    batchInput: bigint | null
    batchCachedInput: bigint | null
    batchOutput: bigint | null
  }
}

/** Throws RequestError invalid_value for a price without any figure: it would say nothing. */
export async function setPrice(
  { db, clock }: { db: Db; clock: Clock },
  actor: Actor,
  wanted: NewPrice,
): Promise<PriceRow> {
  if (Object.values(wanted.figures).every((figure) => figure === null)) {
    throw new RequestError(
      'invalid_value',
      'The price has no figure. State at least one of input, cached_input, cache_write, output, reasoning, per_image, per_request, batch_input, batch_cached_input and batch_output.',
    )
  }
  const nowMs = clock.nowMs()
  const row: PriceRow = {
    id: newId('price', nowMs),
    projectId: actor.projectId,
    upstream: wanted.upstream,
    model: wanted.model,
    validFrom: new Date(wanted.validFromMs ?? nowMs),
    source: wanted.source,
    ...wanted.figures,
    createdBy: actor.id,
    createdByName: actor.name,
    createdAt: new Date(nowMs),
  }
  await db.transaction(async (transaction) => {
    await insertPrice(transaction, row)
    // Gateways reckon from memory.
    await announceRegistryChange(transaction)
  })
  return row
}
