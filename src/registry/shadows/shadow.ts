/** Starts and stops shadows: a share of the traffic of a label, mirrored to a candidate release within a budget. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Actor } from '../actor.ts'
import {
  announceRegistryChange,
  findLabel,
  findRelease,
  findReleaseById,
  type ReleaseRow,
} from '../releases/store.ts'
import {
  endOverdueShadow,
  endShadow,
  findRunningShadow,
  findShadow,
  insertShadow,
  type ShadowEnd,
  type ShadowRow,
} from './store.ts'

export type NewShadow = {
  route: string
  label: string
  /** The candidate's number. */
  release: number
  /** Hundredths of a per cent, 1 to 10,000. */
  share: number
  /** Micro-USD, above 0. */
  budget: bigint
  allowUnpriced: boolean
  /** How long it runs, in milliseconds. */
  durationMs: number
  reason: string
}

export type ShadowDeps = {
  db: Db
  clock: Clock
  /** The models of a release (`upstream/model`) whose price nobody knows. */
  unpricedModels: (projectId: string, releaseId: string) => Promise<readonly string[]>
}

const MIN_DURATION_MS = 60_000
const MAX_DURATION_MS = 30 * 86_400_000

/**
 * Throws RequestError: not_found for a release or label that is not there, invalid_value for a time that is too short or
 * too long, conflict for a release that the label serves already, an unknown price, or a route that has a running shadow.
 */
export async function startShadow(deps: ShadowDeps, actor: Actor, wanted: NewShadow): Promise<ShadowRow> {
  const { db, clock } = deps
  const { projectId } = actor
  demandDuration(wanted.durationMs)
  const candidate = await candidateOf(db, projectId, wanted)
  if (!wanted.allowUnpriced) await demandPrices(deps, candidate)
  const nowMs = clock.nowMs()
  const row: ShadowRow = {
    id: newId('shd', nowMs),
    projectId,
    route: wanted.route,
    label: wanted.label,
    releaseId: candidate.id,
    share: wanted.share,
    budget: wanted.budget,
    allowUnpriced: wanted.allowUnpriced,
    reason: wanted.reason,
    state: 'running',
    startedBy: actor.id,
    startedByName: actor.name,
    startedAt: new Date(nowMs),
    endsAt: new Date(nowMs + wanted.durationMs),
    stoppedBy: null,
    stoppedByName: null,
    stoppedAt: null,
    stopReason: null,
  }
  const isNew = await db.transaction(async (transaction) => {
    await endOverdueShadow(transaction, projectId, wanted.route, row.startedAt)
    const inserted = await insertShadow(transaction, row)
    if (inserted) await announceRegistryChange(transaction)
    return inserted
  })
  if (isNew) return row
  const running = await findRunningShadow(db, projectId, wanted.route)
  const message = `"${wanted.route}" has a running shadow${running === null ? '' : `, ${running.id}`}. Stop it first: aval shadow stop ${running?.id ?? '<id>'}.`
  throw new RequestError('conflict', message, { param: 'route' })
}

/**
 * Ends a running shadow: no call begins after it at a gateway that has heard of it, those under way end by themselves. Throws RequestError not_found, or
 * conflict for one that has ended.
 */
export async function stopShadow(
  { db, clock }: Pick<ShadowDeps, 'db' | 'clock'>,
  actor: Actor,
  { id, reason }: { id: string; reason: string },
): Promise<ShadowRow> {
  const { projectId } = actor
  const end: ShadowEnd = { state: 'stopped', by: actor, at: new Date(clock.nowMs()), reason }
  const ended = await finishShadow(db, { projectId, id }, end)
  if (ended !== null) return ended
  const found = await findShadow(db, projectId, id)
  if (found === null) throw noShadow(id)
  throw new RequestError(
    'conflict',
    `${id} is ${found.state} already. aval shadow show ${id} says since when.`,
  )
}

/** Ends it and tells every gateway, or gives null when it does not run. */
export async function finishShadow(
  db: Db,
  which: { projectId: string; id: string },
  end: ShadowEnd,
): Promise<ShadowRow | null> {
  return await db.transaction(async (transaction) => {
    const ended = await endShadow(transaction, which, end)
    if (ended !== null) await announceRegistryChange(transaction)
    return ended
  })
}

export function noShadow(id: string): RequestError {
  const message = `There is no shadow ${JSON.stringify(id.slice(0, 100))} in this project. aval shadow list shows what there is.`
  return new RequestError('not_found', message, { param: 'id' })
}

function demandDuration(durationMs: number): void {
  if (durationMs >= MIN_DURATION_MS && durationMs <= MAX_DURATION_MS) return
  const message = `A shadow runs for 1 minute to 30 days, not for ${durationMs / 1000} seconds. Write 24h.`
  throw new RequestError('invalid_value', message, { param: 'for' })
}

async function candidateOf(db: Db, projectId: string, wanted: NewShadow): Promise<ReleaseRow> {
  const { route, label, release } = wanted
  const candidate = await findRelease(db, projectId, route, release)
  if (candidate === null) {
    const message = `"${route}" has no release r${release}. aval release list ${route} shows what there is.`
    throw new RequestError('not_found', message, { param: 'release' })
  }
  const pointer = await findLabel(db, projectId, route, label)
  const serving = pointer === null ? null : await findReleaseById(db, projectId, pointer.releaseId)
  if (serving === null) {
    const message = `"${route}" has no label "${label}", so there is no traffic to mirror. aval label list ${route} shows what there is.`
    throw new RequestError('not_found', message, { param: 'label' })
  }
  if (serving.id !== candidate.id) return candidate
  const message = `${route}@${label} serves r${release} already: there is nothing to compare it with. Name another release.`
  throw new RequestError('conflict', message, { param: 'release' })
}

async function demandPrices({ unpricedModels }: ShadowDeps, candidate: ReleaseRow): Promise<void> {
  const unknown = await unpricedModels(candidate.projectId, candidate.id)
  if (unknown.length === 0) return
  const message = `Nobody knows what ${unknown.join(', ')} costs, so the budget could not hold it. Set a price (aval price set), or allow it: --allow-unpriced.`
  throw new RequestError('conflict', message, { param: 'allow_unpriced' })
}
