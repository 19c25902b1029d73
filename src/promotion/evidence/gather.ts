/** Finds the runs that a promotion's policy demands of exactly its two releases, and begins those that are missing. */

import type { Sql } from 'postgres'
import type { Db } from '../../db/client.ts'
import { GatewayError } from '../../errors.ts'
import { readEvidence } from '../../evals/reviews/judge-evidence.ts'
import { countResults } from '../../evals/runs/count-results.ts'
import { createRuns, type PlannedRun, planRun, type RunPlan } from '../../evals/runs/create-run.ts'
import { measureRun } from '../../evals/runs/measure.ts'
import { readSlice } from '../../evals/runs/result-rows.ts'
import type { RunScorer } from '../../evals/runs/run-content.ts'
import { findFirstAlike, findRun, type RunRow } from '../../evals/runs/run-rows.ts'
import type { Suite } from '../../evals/suites/suite.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Actor } from '../../registry/actor.ts'
import type { ReleaseRow } from '../../registry/releases/store.ts'
import { type Policy, type Slice, sliceText } from '../policy.ts'
import { listPromotionRuns, type PromotionRow, putPromotionRun } from '../requests/store.ts'
import type { RunFacts, SuiteEvidence } from './verdict.ts'

/** A suite of `evals/`, as its file stands now; or what is wrong with it, as sentences. */
export type ReadSuite = (name: string) => Promise<Suite | { problems: readonly string[] }>

export type GatherDeps = {
  db: Db
  sql: Sql
  clock: Clock
  readSuite: ReadSuite
  /** Tells the workers that a run waits. */
  runSuite: (runId: string) => Promise<void>
}

export type Gathered =
  | { state: 'ready'; evidence: SuiteEvidence[] }
  /** Runs that are under way. */
  | { state: 'running'; runs: string[] }
  /** Sentences: what cannot be had. */
  | { state: 'impossible'; reasons: string[] }

type Order = {
  promotion: PromotionRow
  policy: Policy
  to: ReleaseRow
  from: ReleaseRow | null
}
/** `scorers` as the suite's file has them now. */
type Chosen = {
  suite: string
  scorers: readonly RunScorer[]
  candidate: RunRow
  baseline: RunRow | null
}

/** Rejects only with what a second try may mend. */
export async function gatherEvidence(deps: GatherDeps, order: Order): Promise<Gathered> {
  const chosen: Chosen[] = []
  const running: string[] = []
  const reasons: string[] = []
  for (const name of order.policy.suites) {
    const found = await runsOf(deps, order, name)
    if ('reasons' in found) reasons.push(...found.reasons)
    else if ('running' in found) running.push(...found.running)
    else chosen.push(found)
  }
  if (reasons.length > 0) return { state: 'impossible', reasons }
  if (running.length > 0) return { state: 'running', runs: running }
  const evidence: SuiteEvidence[] = []
  for (const one of chosen) evidence.push(await readSuiteEvidence(deps.sql, order.policy, one))
  return { state: 'ready', evidence }
}

async function runsOf(
  deps: GatherDeps,
  order: Order,
  name: string,
): Promise<Chosen | { running: string[] } | { reasons: string[] }> {
  const plan = await planOf(deps, order, name)
  if ('reasons' in plan) return plan
  const { promotion } = order
  const before = (await listPromotionRuns(deps.db, [promotion.id])).find(({ suite }) => suite === name)
  const candidate = await runOf(deps, order, {
    name,
    planned: plan.plan.candidate,
    of: before?.runId,
    ...plan,
  })
  if ('reason' in candidate) return { reasons: [candidate.reason] }
  const other = plan.plan.baseline
  const baseline =
    other === null
      ? null
      : await runOf(deps, order, { name, planned: other, of: before?.baselineRunId ?? undefined, ...plan })
  if (baseline !== null && 'reason' in baseline) return { reasons: [baseline.reason] }
  await putPromotionRun(deps.db, {
    promotionId: promotion.id,
    suite: name,
    runId: candidate.id,
    baselineRunId: baseline?.id ?? null,
  })
  const live = [candidate, baseline].filter((run) => run !== null && run.state !== 'done')
  if (live.length > 0) return { running: live.flatMap((run) => (run === null ? [] : [run.id])) }
  return { suite: name, scorers: plan.plan.candidate.content.scorers, candidate, baseline }
}

async function planOf(
  deps: GatherDeps,
  { promotion, policy, to, from }: Order,
  name: string,
): Promise<{ plan: RunPlan; suite: Suite } | { reasons: string[] }> {
  const suite = await deps.readSuite(name)
  if ('problems' in suite) return { reasons: [...suite.problems] }
  const [route] = suite.subject.split('@')
  if (route !== promotion.route) {
    const reason = `evals/${name}.yaml is about ${suite.subject}, and says nothing of ${promotion.route}.`
    return { reasons: [reason] }
  }
  try {
    const release = `r${to.number}`
    const against = from === null ? null : `r${from.number}`
    // A release is always there to ask; what else a gateway serves does not matter here.
    const serving = { ...deps, serves: () => false }
    const asked = { ...suite, cache: cacheOf(suite, policy) }
    return { suite, plan: await planRun(serving, promotion.projectId, { suite: asked, release, against }) }
  } catch (error) {
    if (error instanceof GatewayError) return { reasons: [`evals/${name}.yaml: ${error.message}`] }
    throw error
  }
}

/**
 * As the suite allows, and never older than half of what the policy calls fresh: evidence is as old as its oldest answer, and has to
 * stay fresh until it is approved.
 */
function cacheOf({ cache }: Suite, { evidence }: Policy): Suite['cache'] {
  return cache === null ? null : { maxAgeMs: Math.min(cache.maxAgeMs, Math.floor(evidence.freshMs / 2)) }
}

/** A fresh finished one, the one under way, or a new one; a reason where it has ended without figures. */
async function runOf(
  deps: GatherDeps,
  { promotion, policy }: Order,
  wanted: { name: string; planned: PlannedRun; of: string | undefined; plan: RunPlan; suite: Suite },
): Promise<RunRow | { reason: string }> {
  const { projectId } = promotion
  const { planned, name, of, plan, suite } = wanted
  const { timeoutMs } = planned.content
  const alike = { projectId, measureHash: planned.measure, subject: planned.subject, timeoutMs }
  const since = new Date(deps.clock.nowMs() - policy.evidence.freshMs).toISOString()
  const begun = of === undefined ? null : await findRun(deps.sql, projectId, of)
  const isOurs = begun?.measureHash === planned.measure && begun.subject === planned.subject && isLive(begun)
  const first = (await findFirstAlike(deps.sql, alike, since)) ?? (isOurs ? begun : null)
  if (first !== null) {
    return first.state === 'done' || isLive(first) ? first : { reason: endedText(name, first) }
  }
  const author: Actor = {
    id: promotion.requestedBy,
    name: promotion.requestedByName ?? promotion.requestedBy,
    person: promotion.requestedByPerson,
    projectId,
  }
  const { candidate: made } = await createRuns({ ...deps, serves: () => false }, author, {
    plan: { candidate: planned, baseline: null, items: plan.items },
    budget: suite.budget,
    tags: ['promotion'],
    note: `Evidence for ${promotion.id}.`,
    gitCommit: null,
    idempotencyKey: `${promotion.id} ${name} ${planned.subject} ${planned.measure}`,
  })
  if (made.state === 'done')
    return { reason: `${made.id} is older by now than the policy allows. Ask again.` }
  if (!isLive(made)) return { reason: endedText(name, made) }
  await deps.runSuite(made.id)
  return made
}

function isLive({ state }: RunRow): boolean {
  return state === 'queued' || state === 'running'
}

function endedText(suite: string, { id, subject, state, error }: RunRow): string {
  const why = error === null ? '' : `: ${error}`
  return `${id} of the suite ${suite} (${subject}) is ${state}${why}. Mend it, let it go on (aval eval resume ${id}), and ask again.`
}

async function readSuiteEvidence(
  sql: Sql,
  policy: Policy,
  { suite, scorers, candidate, baseline }: Chosen,
): Promise<SuiteEvidence> {
  const slices = new Map<string, ReadonlySet<number>>()
  const named = policy.rules.flatMap((rule): Slice[] => (rule.slice === null ? [] : [rule.slice]))
  for (const slice of named) slices.set(sliceText(slice), new Set(await readSlice(sql, candidate, slice)))
  // What a run was begun with measures alike, and may have demanded less: the file says what is demanded.
  const measured = await measureRun(sql, candidate)
  return {
    suite,
    candidate: { ...measured, content: { ...measured.content, scorers } },
    baseline: baseline === null ? null : await measureRun(sql, baseline),
    judges: await readEvidence(sql, candidate),
    slices,
    facts: {
      candidate: await factsOf(sql, candidate),
      baseline: baseline === null ? null : await factsOf(sql, baseline),
    },
  }
}

async function factsOf(sql: Sql, run: RunRow): Promise<RunFacts> {
  const { cost, unpriced, takenOver } = await countResults(sql, run.id)
  const { id, subject, hash, finishedAt } = run
  const facts = { id, subject, hash, finishedAt: finishedAt ?? '', costMicroUsd: cost, unpriced }
  return takenOver === null ? facts : { ...facts, takenOver }
}
