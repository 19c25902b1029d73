/** The card of a release as it stands when it is promoted: kept with its hash, which approvals sign. */

import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { contentOf } from '../../registry/content.ts'
import type { ReleaseRow } from '../../registry/releases/store.ts'
import type { PromotionVerdict } from '../evidence/verdict.ts'
import type { PromotionRow } from '../requests/store.ts'
import type { Card } from './card.ts'
import { type CardDeps as ReadDeps, readCard } from './read-card.ts'
import type { CardRow } from './store.ts'

export type CardDeps = ReadDeps & { clock: Clock }

/** `missing`: sentences that say what nobody has stated, and where to state it; empty for a complete card. */
export async function makeCard(
  deps: CardDeps,
  given: { promotion: PromotionRow; release: ReleaseRow; verdict: PromotionVerdict | null },
): Promise<{ row: CardRow; missing: string[] }> {
  const { promotion, release, verdict } = given
  const card = await readCard(deps, release)
  const { text, hash } = contentOf({ ...card, promotion: promotion.id, verdict })
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
  return { row, missing: missingFrom(card) }
}

function missingFrom({ owner, purpose, models }: Card): string[] {
  return [
    ...(purpose === null ? ['It has no purpose: give the prompt a description.'] : []),
    ...(owner === null ? ['It has no owner: give the prompt one.'] : []),
    ...models
      .filter(({ licence }) => licence === null)
      .map(({ version }) => `${version} has no licence: aval model create --licence …`),
  ]
}
