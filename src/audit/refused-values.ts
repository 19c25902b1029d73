/**
 * What happens to a row that the database refuses for one of its values: it goes in without the texts and bodies that
 * may be the cause. The records behind it are always text that a database takes, so its evidence stays whole.
 */

import type { ShipRow } from './pairing.ts'

/** SQLSTATE classes that say "this value", not "this connection": cardinality, data, constraint, limits. */
const VALUE_CLASSES = new Set(['21', '22', '23', '54'])
export const REDUCED = '(refused by the database; see the spool)'

export function isAboutValues(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && code.length === 5 && VALUE_CLASSES.has(code.slice(0, 2))
}

export function isReduced(row: ShipRow): boolean {
  return row.close.finishReason === REDUCED
}

export function reduce(row: ShipRow): ShipRow {
  const { open, close } = row
  const texts = { path: '', requestedModel: null, clientRequestId: null, subject: null }
  return {
    ...row,
    open: { ...open, ...texts },
    close: { ...close, attempts: [], usage: null, finishReason: REDUCED, truncated: true },
    requestBody: Buffer.alloc(0),
    responseBody: Buffer.alloc(0),
  }
}
