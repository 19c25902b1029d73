/** The tables of promotions as drizzle sees them; labels and decisions stand in version-tables.ts. */

import { instant } from './columns.ts'
import { boolean, integer, pgTable, primaryKey, text } from './orm.ts'

export const promotions = pgTable('promotions', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  route: text('route').notNull(),
  label: text('label').notNull(),
  kind: text('kind').$type<'promotion' | 'break_glass'>().notNull(),
  fromReleaseId: text('from_release_id'),
  fromDecisionId: text('from_decision_id'),
  toReleaseId: text('to_release_id').notNull(),
  policy: text('policy').notNull(),
  policyHash: text('policy_hash').notNull(),
  demandsEvidence: boolean('demands_evidence').notNull(),
  approvalsNeeded: integer('approvals_needed').notNull(),
  approverRoles: text('approver_roles').array().notNull(),
  reason: text('reason').notNull(),
  requestedBy: text('requested_by').notNull(),
  requestedByName: text('requested_by_name'),
  requestedByPerson: text('requested_by_person').notNull(),
  requestedAt: instant('requested_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
  state: text('state').$type<PromotionState>().notNull(),
  note: text('note').notNull(),
  verdict: text('verdict'),
  outcome: text('outcome').$type<'pass' | 'fail' | 'inconclusive'>(),
  evidenceHash: text('evidence_hash'),
  stage: integer('stage'),
  stageSince: instant('stage_since'),
  onlineOrderId: text('online_order_id'),
  updatedAt: instant('updated_at').notNull(),
  endedAt: instant('ended_at'),
})

export const LIVE_STATES = ['gathering', 'waiting', 'canary'] as const
export const ENDED_STATES = [
  'promoted',
  'refused',
  'rejected',
  'withdrawn',
  'expired',
  'overtaken',
  'rolled_back',
] as const
export type PromotionState = (typeof LIVE_STATES)[number] | (typeof ENDED_STATES)[number]

export const promotionRuns = pgTable(
  'promotion_runs',
  {
    promotionId: text('promotion_id').notNull(),
    suite: text('suite').notNull(),
    runId: text('run_id').notNull(),
    baselineRunId: text('baseline_run_id'),
  },
  (table) => [primaryKey({ columns: [table.promotionId, table.suite] })],
)

export const approvals = pgTable('approvals', {
  id: text('id').primaryKey(),
  promotionId: text('promotion_id').notNull(),
  answer: text('answer').$type<'approve' | 'reject'>().notNull(),
  evidenceHash: text('evidence_hash').notNull(),
  reason: text('reason').notNull(),
  keyId: text('key_id').notNull(),
  keyName: text('key_name'),
  person: text('person').notNull(),
  role: text('role').notNull(),
  createdAt: instant('created_at').notNull(),
})

export const canaryLooks = pgTable('canary_looks', {
  id: text('id').primaryKey(),
  promotionId: text('promotion_id').notNull(),
  stage: integer('stage').notNull(),
  decision: text('decision').$type<'advance' | 'hold' | 'roll_back'>().notNull(),
  content: text('content').notNull(),
  lookedAt: instant('looked_at').notNull(),
})

export const modelCards = pgTable('model_cards', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  releaseId: text('release_id').notNull(),
  promotionId: text('promotion_id').notNull(),
  content: text('content').notNull(),
  hash: text('hash').notNull(),
  createdAt: instant('created_at').notNull(),
})

export const alertActions = pgTable('alert_actions', {
  id: text('id').primaryKey(),
  alertId: text('alert_id').notNull(),
  projectId: text('project_id').notNull(),
  route: text('route').notNull(),
  label: text('label').notNull(),
  action: text('action').$type<'freeze' | 'roll_back' | 'run_suite' | 'review' | 'dataset'>().notNull(),
  policy: text('policy').notNull(),
  outcome: text('outcome').$type<'done' | 'refused' | 'failed'>().notNull(),
  note: text('note').notNull(),
  targets: text('targets').array().notNull(),
  frozenUntil: instant('frozen_until'),
  actedAt: instant('acted_at').notNull(),
})
