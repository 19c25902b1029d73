/** How the parts of an erasure meet in the database: who shipped a batch before it, and who has to hear of it. */

/**
 * Shippers hold it shared while they commit a batch, whoever destroys keys holds it alone: so every batch is either
 * seen by the erasure or sees it. The letters are "aval", 7 = erasures.
 */
export const ERASURE_LOCK = '418597923847'

/** The NOTIFY channel of erasures, and the counter that gateways poll. */
export const ERASURES_CHANNEL = 'aval_erasures'
export const ERASURES_COUNTER = 'erasures'
