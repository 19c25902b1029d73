/** All SQL about prices that projects set. Rows are added and read; the database itself refuses anything else. */

import type { Db } from '../../db/client.ts'
import { and, asc, desc, eq, gt, lt, lte } from '../../db/orm.ts'
import { prices } from '../../db/version-tables.ts'
import type { OwnPrice } from './price.ts'

export type PriceRow = typeof prices.$inferSelect

export async function insertPrice(db: Db, row: PriceRow): Promise<void> {
  await db.insert(prices).values(row)
}

/** Prices of a project, the one set last first; `before` is the id of the last row already seen. */
export async function listPriceRows(
  db: Db,
  projectId: string,
  page: { upstream: string | null; model: string | null; before: string | null; limit: number },
): Promise<PriceRow[]> {
  return await db
    .select()
    .from(prices)
    .where(
      and(
        eq(prices.projectId, projectId),
        page.upstream === null ? undefined : eq(prices.upstream, page.upstream),
        page.model === null ? undefined : eq(prices.model, page.model),
        page.before === null ? undefined : lt(prices.id, page.before),
      ),
    )
    .orderBy(desc(prices.id))
    .limit(page.limit)
}

/** The project's own price of a model at a time: the newest that had begun. */
export async function findOwnPrice(
  db: Db,
  projectId: string,
  wanted: { upstream: string; model: string; at: Date },
): Promise<OwnPrice | null> {
  const rows = await db
    .select()
    .from(prices)
    .where(
      and(
        eq(prices.projectId, projectId),
        eq(prices.upstream, wanted.upstream),
        eq(prices.model, wanted.model),
        lte(prices.validFrom, wanted.at),
      ),
    )
    .orderBy(desc(prices.validFrom), desc(prices.id))
    .limit(1)
  return rows[0] === undefined ? null : toOwnPrice(rows[0])
}

/** Prices of every project in the order they were set, for compiling; `after` is the id of the last one already seen. */
export async function listOwnPrices(
  db: Db,
  page: { after: string; limit: number },
): Promise<{ projectId: string; price: OwnPrice }[]> {
  const rows = await db
    .select()
    .from(prices)
    .where(gt(prices.id, page.after))
    .orderBy(asc(prices.id))
    .limit(page.limit)
  return rows.map((row) => ({ projectId: row.projectId, price: toOwnPrice(row) }))
}

export function toOwnPrice(row: PriceRow): OwnPrice {
  const { id, upstream, model, source, input, cachedInput, cacheWrite, output, reasoning } = row
  return {
    id,
    upstream,
    model,
    source,
    validFromMs: row.validFrom.getTime(),
    input,
    cachedInput,
    cacheWrite,
    output,
    reasoning,
    perImage: row.perImage,
    perRequest: row.perRequest,
    tiers: [],
    ...batchFigures(row),
  }
}

/** Cache writes in batches have no figure; reasoning costs what other output costs there. */
function batchFigures({
  batchInput: input,
  batchCachedInput: cachedInput,
  batchOutput: output,
}: PriceRow): Pick<OwnPrice, 'batch'> {
  if (input === null && cachedInput === null && output === null) return {}
  return { batch: { input, cachedInput, cacheWrite: null, output, reasoning: null } }
}
