/** What became of a release since its card was made. It stands beside the card, whose hash does not cover it. */

import type { Sql } from 'postgres'
import type { Db } from '../../db/client.ts'
import { causeLine } from '../../lib/cause-line.ts'
import { listAlerts } from '../../monitoring/alerts/alert-rows.ts'
import { listLabels, type ReleaseRow } from '../../registry/releases/store.ts'
import { lastLook } from '../canary/store.ts'
import { findPromotion, listApprovals, type PromotionRow } from '../requests/store.ts'
import type { DecisionRow } from '../store.ts'
import { countLooks, listMovesTo } from './store.ts'

export type CardSince = {
  /** Labels that serve it now: to everybody, or to some as a canary. */
  labels: string[]
  /** Where the card's promotion is; null for a live card. */
  promotion: { id: string; state: PromotionRow['state']; note: string; ended_at: string | null } | null
  /** Of the card's promotion, in order. */
  approvals: CardApproval[]
  /** Of the card's promotion; null where nobody has looked at a canary. */
  canary: { looks: number; decision: string; stage: number; at: string } | null
  /** Newest first. */
  moves: CardMove[]
  /** Alerts of the route since the release was made, newest first. */
  drift: CardAlert[]
}

type CardApproval = {
  answer: 'approve' | 'reject'
  by: string
  person: string
  role: string
  at: string
  reason: string
  /** What was signed: releases, policy, verdict and card by their hashes. */
  evidence_hash: string
}

type CardMove = { label: string; at: string; by: string; reason: string; decision: string }

type CardAlert = {
  id: string
  metric: string
  change: string
  began_at: string
  /** Null while it lasts. */
  ended_at: string | null
  /** As `aval monitor status` says it; null until it is explained. */
  because: string | null
  acknowledged_by: string | null
}

/** Older alerts than these are left to `aval alerts list`. */
const MAX_ALERTS = 50
/** Older moves than these are left to `aval decisions list`. */
const MAX_MOVES = 200
const MAX_LABELS = 10_000

export async function readSince(
  { db, sql }: { db: Db; sql: Sql },
  release: ReleaseRow,
  promotionId: string | null,
): Promise<CardSince> {
  const { projectId, route, id: releaseId } = release
  const labels = await listLabels(db, projectId, { route, limit: MAX_LABELS })
  const moves = await listMovesTo(db, { projectId, releaseId }, MAX_MOVES)
  return {
    labels: labels.flatMap((one) => {
      if (one.releaseId === releaseId) return [one.label]
      return one.canaryReleaseId === releaseId ? [canaryText(one.label, one.canaryWeight)] : []
    }),
    ...(await promotionSince(db, projectId, promotionId)),
    moves: moves.map((move) => moveOf(move, releaseId)),
    drift: await readDrift(sql, release),
  }
}

async function readDrift(sql: Sql, { projectId, route, createdAt }: ReleaseRow): Promise<CardAlert[]> {
  const subject = { kind: 'route', name: route } as const
  const sinceMs = createdAt.getTime()
  const alerts = await listAlerts(sql, { projectId, subject, sinceMs, limit: MAX_ALERTS })
  const timeText = (ms: number) => new Date(ms).toISOString()
  return alerts.map(({ id, metric, change, beganAtMs, endedAtMs, explanation, acked }) => ({
    id,
    metric,
    change,
    began_at: timeText(beganAtMs),
    ended_at: endedAtMs === null ? null : timeText(endedAtMs),
    because: explanation === null ? null : causeLine(explanation, timeText),
    acknowledged_by: acked === null ? null : (acked.byName ?? acked.by),
  }))
}

async function promotionSince(
  db: Db,
  projectId: string,
  promotionId: string | null,
): Promise<Pick<CardSince, 'promotion' | 'approvals' | 'canary'>> {
  const row = promotionId === null ? null : await findPromotion(db, projectId, promotionId)
  if (row === null) return { promotion: null, approvals: [], canary: null }
  const { id, state, note, endedAt } = row
  const look = await lastLook(db, id)
  const answers = await listApprovals(db, [id])
  return {
    promotion: { id, state, note, ended_at: endedAt?.toISOString() ?? null },
    approvals: answers.map(({ answer, keyName, keyId, person, role, createdAt, reason, evidenceHash }) => ({
      ...{ answer, by: keyName ?? keyId, person, role, at: createdAt.toISOString(), reason },
      evidence_hash: evidenceHash,
    })),
    canary:
      look === null
        ? null
        : {
            looks: await countLooks(db, id),
            decision: look.decision,
            stage: look.stage,
            at: look.lookedAt.toISOString(),
          },
  }
}

function moveOf(move: DecisionRow, releaseId: string): CardMove {
  const { label, canaryWeight, decidedAt, decidedByName, decidedBy, reason, id } = move
  return {
    label: move.toReleaseId === releaseId ? label : canaryText(label, canaryWeight),
    at: decidedAt.toISOString(),
    by: decidedByName ?? decidedBy,
    reason,
    decision: id,
  }
}

/** Weights are hundredths of a per cent. */
function canaryText(label: string, weight: number | null): string {
  return `${label} (canary, ${(weight ?? 0) / 100} %)`
}
