/** The card of a release as it stands when it is promoted: kept with its hash, which approvals sign. */

import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { contentOf } from '../../registry/content.ts'
import type { ReleaseRow } from '../../registry/releases/store.ts'
import type { PromotionVerdict } from '../evidence/verdict.ts'
import { parsePolicy } from '../policy.ts'
import type { PromotionRow } from '../requests/store.ts'
import type { CardPromotion } from './card.ts'
import { type ReadCardDeps, readCard } from './read-card.ts'
import type { CardRow } from './store.ts'

export type CardDeps = ReadCardDeps & { clock: Clock }

/**
 * The row's `hash` is the SHA-256 of its `content`, the card as canonical JSON. `missing`: sentences that say what nobody has
 * stated, and where to state it; empty for a complete card. Throws Error when the database lacks what the release pins.
 */
export async function makeCard(
  deps: CardDeps,
  given: { promotion: PromotionRow; release: ReleaseRow; verdict: PromotionVerdict | null },
): Promise<{ row: CardRow; missing: string[] }> {
  const { promotion, release, verdict } = given
  const card = await readCard(deps, release, { promotion: promotionOf(promotion, verdict), verdict })
  const { text, hash } = contentOf(card)
  const nowMs = deps.clock.nowMs()
  const row = {
    id: newId('card', nowMs),
    projectId: release.projectId,
    releaseId: release.id,
    promotionId: promotion.id,
    content: text,
    hash,
    createdAt: new Date(nowMs),
  }
  return { row, missing: card.missing }
}

function promotionOf(row: PromotionRow, verdict: PromotionVerdict | null): CardPromotion {
  return {
    id: row.id,
    label: row.label,
    kind: row.kind,
    policy: parsePolicy(row.policy).name,
    policy_hash: row.policyHash,
    verdict_hash: verdict === null ? null : contentOf(verdict).hash,
    requested_by: row.requestedByName ?? row.requestedBy,
    requested_at: row.requestedAt.toISOString(),
    reason: row.reason,
  }
}
