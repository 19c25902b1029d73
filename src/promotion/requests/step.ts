/** One step of a promotion, before it is taken. */

import type { Db } from '../../db/client.ts'
import type { PromotionRow } from './store.ts'

/** What a step came to; null when there is nothing to do but wait, as the note says. */
export type Step = {
  state: PromotionRow['state']
  note: string
  change?: Partial<Pick<PromotionRow, 'verdict' | 'outcome' | 'evidenceHash' | 'stage' | 'stageSince'>>
  /** More to write in the same transaction. */
  write?: (transaction: Db) => Promise<unknown>
}

const MAX_NOTE_LETTERS = 4000

/** Of many sentences those that fit; all of them stand in the verdict, or in the look. */
export function cutNote(text: string): string {
  return text.length <= MAX_NOTE_LETTERS ? text : `${text.slice(0, MAX_NOTE_LETTERS - 1)}…`
}
