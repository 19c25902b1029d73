/** Decisions as /api shows them: who moved which label where, and why. */

import { z } from '@hono/zod-openapi'
import type { Db } from '../../db/client.ts'
import type { DecisionRow } from '../../promotion/store.ts'
import { findReleaseById } from '../../registry/releases/store.ts'

export const decisionSchema = z
  .object({
    id: z.string(),
    route: z.string(),
    label: z.string(),
    /** Null for the first move of a label. */
    from: z.string().nullable(),
    to: z.string(),
    canary: z.object({ release: z.string(), percent: z.number() }).nullable(),
    /** Null of moves from before there were promotions; a rollback may have ended one. */
    kind: z.enum(['promotion', 'canary', 'rollback', 'break_glass']).nullable(),
    promotion: z.string().nullable(),
    reason: z.string(),
    decided_by: z.string(),
    decided_by_name: z.string().nullable(),
    decided_at: z.string(),
  })
  .openapi('Decision')

type NameOf = (id: string) => Promise<string>

/** `r12` for a release's id; each is read once. */
export function namesOf(db: Db, projectId: string): NameOf {
  const known = new Map<string, Promise<string>>()
  return (id) => {
    const found =
      known.get(id) ??
      findReleaseById(db, projectId, id).then((row) => (row === null ? id : `r${row.number}`))
    known.set(id, found)
    return found
  }
}

export async function canaryOf(
  row: { canaryReleaseId: string | null; canaryWeight: number | null },
  name: NameOf,
): Promise<{ release: string; percent: number } | null> {
  if (row.canaryReleaseId === null) return null
  return { release: await name(row.canaryReleaseId), percent: (row.canaryWeight ?? 0) / 100 }
}

export async function toDecision(row: DecisionRow, name: NameOf): Promise<z.infer<typeof decisionSchema>> {
  return {
    id: row.id,
    route: row.route,
    label: row.label,
    from: row.fromReleaseId === null ? null : await name(row.fromReleaseId),
    to: await name(row.toReleaseId),
    canary: await canaryOf(row, name),
    kind: row.kind,
    promotion: row.promotionId,
    reason: row.reason,
    decided_by: row.decidedBy,
    decided_by_name: row.decidedByName,
    decided_at: row.decidedAt.toISOString(),
  }
}
