/** A worker at a comparison: draws both windows, opens their bodies with a record of it, compares, keeps what was found, and tells people. */

import type { TransactionSql } from 'postgres'
import { demandHeld, HELD, type HeldOutcome, whileHolding } from '../../db/held-work.ts'
import { endAlert, endOtherAlerts, openAlert } from '../alerts/alert-rows.ts'
import type { CheckDeps } from './check-deps.ts'
import { CHECKS, type CheckRow, claimCheck, findCheckById, insertFindings } from './check-rows.ts'
import { compareRequests, SPOKEN_FEATURES } from './compare.ts'
import { compareEmbedders } from './compare-embedders.ts'
import type { Finding } from './finding.ts'
import { openRequests, UNASKED } from './open-requests.ts'
import { WINDOWS } from './queue-check.ts'
import { drawRequests } from './sample-rows.ts'
import type { OpenedRequest, SampledRequest } from './sampled-request.ts'

/** Of each window. */
const SIZE = 1_000
/** Tried so often; the next day has another one. */
const MAX_ATTEMPTS = 5

class CheckRefused extends Error {
  override name = 'CheckRefused'
}

/** Killed anywhere, the next worker begins it anew: nothing of it is kept before its end. Throws what a second try may mend. */
export async function executeCheck(deps: CheckDeps, id: string): Promise<HeldOutcome<'done'>> {
  const { sql, clock, signal } = deps
  const alive = new Date(clock.nowMs() - HELD.silentMs).toISOString()
  return await whileHolding<'done'>({ sql, clock, signal, beatMs: HELD.beatMs }, CHECKS, id, {
    claim: (run, now) => claimCheck(sql, run, { now, alive }),
    work: async (run, lost) => {
      const check = await findCheckById(sql, id)
      if (check === null) return 'nothing'
      if (check.attempts > MAX_ATTEMPTS) {
        throw new CheckRefused(`Given up after ${MAX_ATTEMPTS} tries. ${check.error ?? ''}`.trim())
      }
      const compared = await compare(deps, check, AbortSignal.any([signal, lost]))
      const now = new Date(clock.nowMs()).toISOString()
      await sql.begin(async (transaction) => {
        await demandHeld(
          transaction,
          CHECKS,
          run,
          { state: 'done', run: null, error: null, finishedAt: now },
          now,
        )
        await insertFindings(transaction, check, compared.findings, now)
        await tellAll(transaction, check, compared, clock.nowMs())
      })
      return 'done'
    },
    isFinal: (error) => error instanceof CheckRefused,
  })
}

/** `isUnasked`: nobody wanted bodies to be read for it. */
type Compared = { findings: Finding[]; isUnasked: boolean }

async function compare(deps: CheckDeps, check: CheckRow, signal: AbortSignal): Promise<Compared> {
  const seed = seedOf(check)
  const drawn = await drawWindows(deps, check, seed, signal)
  const opened = await openRequests(deps, check, drawn, signal)
  const requests: OpenedRequest[] = opened.requests
  const embedders = await compareEmbedders(deps, check, drawn, seed, signal)
  const findings = compareRequests(requests, { seed, closed: opened.closed })
  return {
    findings: [
      ...findings.map((one) => (one.feature === 'question_content' ? { ...one, left: opened.left } : one)),
      ...embedders,
    ],
    isUnasked: opened.closed === UNASKED,
  }
}

async function drawWindows(
  { sql, size = SIZE }: CheckDeps,
  check: CheckRow,
  seed: number,
  signal: AbortSignal,
): Promise<SampledRequest[]> {
  const { projectId, route, baselineFromMs, recentFromMs, recentToMs } = check
  const place = { projectId, route, seed }
  const recent = await drawRequests(sql, { ...place, fromMs: recentFromMs, toMs: recentToMs }, size, {
    signal,
  })
  const baseline = await drawRequests(sql, { ...place, fromMs: baselineFromMs, toMs: recentFromMs }, size, {
    signal,
  })
  return [
    ...recent.map((one) => ({ ...one, window: 'recent' as const })),
    ...baseline.map((one) => ({ ...one, window: 'baseline' as const })),
  ]
}

/** The end of its windows: the same comparison, killed and begun anew, draws the same requests. */
function seedOf({ recentToMs }: CheckRow): number {
  return Math.floor(recentToMs / 1000)
}

/** Of what comes and goes with what a route searches: what nobody looks at any more has no alert that lasts. */
const COMING_AND_GOING = ['data:retrieval_', 'data:embedder:']
/** Where bodies are not read by themselves, the next comparison that looks at these may never come. */
const SPOKEN = SPOKEN_FEATURES.map((feature) => `data:${feature}`)

/**
 * Nobody is told of windows that somebody chose: an hour beside a day differs in ways that are no alert of the route. But an embedding
 * model is held to what it was, whatever the windows, and whoever finds another one first has to tell.
 */
async function tellAll(
  sql: TransactionSql,
  check: CheckRow,
  { findings, isUnasked }: Compared,
  nowMs: number,
): Promise<void> {
  const isOwn = hasOwnWindows(check)
  for (const finding of findings)
    if (!isOwn || finding.feature.startsWith('embedder:')) await tell(sql, check, finding, nowMs)
  if (isOwn) return
  const place = { projectId: check.projectId, subject: { kind: 'route', name: check.route } } as const
  const unlooked = isUnasked ? SPOKEN : []
  const but = findings.map(({ feature }) => `data:${feature}`).filter((metric) => !unlooked.includes(metric))
  await endOtherAlerts(sql, place, { prefixes: [...COMING_AND_GOING, ...unlooked], but }, nowMs)
}

function hasOwnWindows({ askedBy, baselineFromMs, recentFromMs, recentToMs }: CheckRow): boolean {
  const isUsual =
    recentToMs - recentFromMs === WINDOWS.recentMs && recentFromMs - baselineFromMs === WINDOWS.baselineMs
  return askedBy !== null && !isUsual
}

/** A difference that goes on is one alert; it ends with the first comparison that finds none. */
async function tell(sql: TransactionSql, check: CheckRow, finding: Finding, nowMs: number): Promise<void> {
  const { projectId, route } = check
  const key = {
    projectId,
    subject: { kind: 'route', name: route } as const,
    metric: `data:${finding.feature}`,
  }
  if (finding.verdict === 'same') await endAlert(sql, key, nowMs)
  if (finding.verdict !== 'drift') return
  const { levels, effect, bar } = finding
  await openAlert(sql, {
    ...key,
    change: 'data',
    beganAtMs: check.recentFromMs,
    openedAtMs: nowMs,
    value: levels?.recent ?? effect,
    usual: levels?.baseline ?? null,
    excess: effect === null || bar === null ? 1 : Math.max(1, effect / bar),
  })
}
