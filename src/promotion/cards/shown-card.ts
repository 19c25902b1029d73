/** The card that is shown of a release: the one that a promotion has kept, or else one made from what is there now. */

import type { ReleaseRow } from '../../registry/releases/store.ts'
import type { Card } from './card.ts'
import { type ReadCardDeps, readCard } from './read-card.ts'
import { type CardSince, readSince } from './since.ts'
import { findCard } from './store.ts'

export type ShownCard = {
  card: Card
  /** Null for a live card: it changes with the registry, so nobody could check it later. */
  kept: { id: string; hash: string; content: string; createdAt: Date } | null
  since: CardSince
}

/** Of one promotion, or the newest there is. Null when that promotion has kept none of this release. */
export async function showCard(
  deps: ReadCardDeps,
  release: ReleaseRow,
  promotionId: string | null,
): Promise<ShownCard | null> {
  const { projectId, id: releaseId } = release
  const row = await findCard(deps.db, { projectId, releaseId }, promotionId)
  if (row === null && promotionId !== null) return null
  const since = await readSince(deps, release, row?.promotionId ?? null)
  if (row === null) {
    const card = await readCard(deps, release, { promotion: null, verdict: null })
    return { card, kept: null, since }
  }
  const { id, hash, content, createdAt } = row
  return { card: parseCard(content), kept: { id, hash, content, createdAt }, since }
}

/** Of a row that this version wrote. */
function parseCard(content: string): Card {
  return JSON.parse(content) as Card
}
