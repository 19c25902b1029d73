/** Promotions as /api shows them, and what is asked for. */

import { z } from '@hono/zod-openapi'
import { ENDED_STATES, LIVE_STATES } from '../../db/promotion-tables.ts'
import type { LookRow } from '../../promotion/canary/store.ts'
import type { PromotionVerdict } from '../../promotion/evidence/verdict.ts'
import { parsePolicy } from '../../promotion/policy.ts'
import type { ApprovalRow, PromotionRow, PromotionRunRow } from '../../promotion/requests/store.ts'
import { releaseText, routeName } from './releases.ts'
import { limitText, strictShape } from './validation.ts'

const reason = z.string().trim().min(1).max(2000)

export const requestBody = strictShape('field', {
  route: routeName,
  label: routeName.default('production'),
  release: releaseText,
  reason,
  /** Without evidence: two admins, and one hour in which they agree. */
  break_glass: z.boolean().default(false),
})
export const answerBody = strictShape('field', {
  /** As the promotion shows it: what is signed. */
  evidence_hash: z.string().regex(/^[0-9a-f]{64}$/, 'Write the evidence_hash that the promotion shows.'),
  reason,
})
export const withdrawBody = strictShape('field', { reason })
export const rollbackBody = strictShape('field', {
  route: routeName,
  label: routeName.default('production'),
  /** A release that the label has served; the one before, unless said otherwise. */
  release: releaseText.nullable().default(null),
  reason,
})
export const listQuery = strictShape('filter', {
  route: routeName.optional(),
  live: z.stringbool().default(false),
  limit: limitText,
  cursor: z.string().max(40).optional(),
})

const approvalSchema = z.object({
  id: z.string(),
  answer: z.enum(['approve', 'reject']),
  key: z.string(),
  key_name: z.string().nullable(),
  person: z.string(),
  role: z.string(),
  reason: z.string(),
  at: z.string(),
})
const shape = {
  id: z.string(),
  route: z.string(),
  label: z.string(),
  kind: z.enum(['promotion', 'break_glass']),
  from: z.string().nullable(),
  to: z.string(),
  state: z.enum([...LIVE_STATES, ...ENDED_STATES]),
  /** Why it is where it is. */
  note: z.string(),
  reason: z.string(),
  policy: z.string(),
  policy_hash: z.string(),
  outcome: z.enum(['pass', 'fail', 'inconclusive']).nullable(),
  evidence_hash: z.string().nullable(),
  runs: z.array(z.object({ suite: z.string(), run: z.string(), baseline: z.string().nullable() })),
  approvals: z.array(approvalSchema),
  approvals_needed: z.number(),
  approver_roles: z.array(z.string()),
  /** Of a canary: the share of users in per cent, and since when. */
  canary: z.object({ stage: z.number(), percent: z.number(), since: z.string() }).nullable(),
  requested_by: z.string(),
  requested_by_name: z.string().nullable(),
  requested_by_person: z.string(),
  requested_at: z.string(),
  expires_at: z.string(),
  updated_at: z.string(),
  ended_at: z.string().nullable(),
}
export const promotionSchema = z.object(shape).openapi('Promotion')
export const shownSchema = z
  .object({
    ...shape,
    /** Every figure; null before there is a verdict, and where no evidence is demanded. */
    verdict: z.record(z.string(), z.unknown()).nullable().openapi({ type: 'object' }),
    policy_text: z.string(),
    /** Of a canary, newest first, the last twenty: what was decided, with every figure. */
    looks: z.array(
      z.object({
        at: z.string(),
        stage: z.number(),
        decision: z.enum(['advance', 'hold', 'roll_back']),
        judgement: z.record(z.string(), z.unknown()).openapi({ type: 'object' }),
      }),
    ),
  })
  .openapi('ShownPromotion')

export type Beside = {
  name: (releaseId: string) => Promise<string>
  runs: readonly PromotionRunRow[]
  approvals: readonly ApprovalRow[]
}

export async function toPromotion(
  row: PromotionRow,
  beside: Beside,
): Promise<z.infer<typeof promotionSchema>> {
  const policy = parsePolicy(row.policy)
  const weight = row.stage === null ? null : (policy.canary?.stages[row.stage] ?? 10_000)
  return {
    id: row.id,
    route: row.route,
    label: row.label,
    kind: row.kind,
    from: row.fromReleaseId === null ? null : await beside.name(row.fromReleaseId),
    to: await beside.name(row.toReleaseId),
    state: row.state,
    note: row.note,
    reason: row.reason,
    policy: policy.name,
    policy_hash: row.policyHash,
    outcome: row.outcome,
    evidence_hash: row.evidenceHash,
    runs: beside.runs
      .filter(({ promotionId }) => promotionId === row.id)
      .map(({ suite, runId, baselineRunId }) => ({ suite, run: runId, baseline: baselineRunId })),
    approvals: beside.approvals.filter(({ promotionId }) => promotionId === row.id).map(toApproval),
    approvals_needed: row.approvalsNeeded,
    approver_roles: row.approverRoles,
    canary:
      row.state !== 'canary' || row.stage === null || weight === null || row.stageSince === null
        ? null
        : { stage: row.stage, percent: weight / 100, since: row.stageSince.toISOString() },
    requested_by: row.requestedBy,
    requested_by_name: row.requestedByName,
    requested_by_person: row.requestedByPerson,
    requested_at: row.requestedAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
    ended_at: row.endedAt?.toISOString() ?? null,
  }
}

export async function toShown(
  row: PromotionRow,
  beside: Beside,
  looks: readonly LookRow[],
): Promise<z.infer<typeof shownSchema>> {
  const verdict = row.verdict === null ? null : (JSON.parse(row.verdict) as PromotionVerdict)
  return {
    ...(await toPromotion(row, beside)),
    verdict,
    policy_text: row.policy,
    looks: looks.map(({ lookedAt, stage, decision, content }) => ({
      at: lookedAt.toISOString(),
      stage,
      decision,
      judgement: JSON.parse(content) as Record<string, unknown>,
    })),
  }
}

function toApproval(row: ApprovalRow): z.infer<typeof approvalSchema> {
  const { id, answer, keyId, keyName, person, role, reason: why, createdAt } = row
  return { id, answer, key: keyId, key_name: keyName, person, role, reason: why, at: createdAt.toISOString() }
}
