/**
 * The shadows of this gateway: the mirror, and the rounds in which it learns what others spent, says what it counted
 * itself, and ends what is spent or over.
 */

import { sumShadowCosts } from './audit/shadows/store.ts'
import type { Db } from './db/client.ts'
import { answered, Follower } from './db/follower.ts'
import { createBreaker } from './gateway/breaker.ts'
import type { GatewayDeps } from './gateway/deps.ts'
import { isFree } from './gateway/shadows/estimate.ts'
import { createLedger, type Ledger } from './gateway/shadows/ledger.ts'
import { createMirror } from './gateway/shadows/mirror.ts'
import type { Clock } from './lib/clock.ts'
import type { RegistryBook, ServedShadow } from './registry/releases/book.ts'
import { finishShadow } from './registry/shadows/shadow.ts'
import { putShadowTally, sumShadowTallies } from './registry/shadows/store.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'

/** How often is looked whether there is news, and how often what others spent is asked again without any. */
const TICK_MS = 1000
const LOOK_MS = 5000

export type Shadows = {
  offer: GatewayDeps['offerToShadow']
  /** Learns at once what was spent on a shadow that was just started. Never rejects. */
  look: () => Promise<void>
  /** Resolves when nothing is under way and what was counted is written, as far as the database takes it. */
  stop: () => Promise<void>
}

type Given = {
  db: Db
  clock: Clock
  logger: Logger
  /** The writer of this process start: what it spent it knows better than the log does. */
  writer: string
  book: () => RegistryBook
  /** Resolves when this gateway serves what was changed. */
  changed: () => Promise<void>
}

/** Whether the candidate of a shadow costs nothing now: then the log has no spending to learn of. */
type RoundParts = Given & { costsNothing: (shadow: ServedShadow) => boolean }

export function openShadows(given: Given, gateway: GatewayDeps): Shadows {
  const { clock, logger, book } = given
  const costsNothing = ({ projectId, releaseId }: ServedShadow): boolean => {
    const snapshot = gateway.snapshot()
    const release = snapshot.registry.byId(projectId, releaseId)
    return release !== null && isFree(snapshot, projectId, release, clock.nowMs())
  }
  const rounds = { ...given, costsNothing }
  const ledger = createLedger()
  // Circuits of its own: a candidate that fails must not close an upstream to apps.
  const mirror = createMirror({ ...gateway, breaker: createBreaker(clock) }, ledger)
  let lookedAtMs = Number.NEGATIVE_INFINITY
  const follower = new Follower({
    // Shadows come with the registry, which is followed already.
    listen: async () => async () => {},
    pollMs: TICK_MS,
    look: async () => {
      const isDue = clock.monotonicMs() - lookedAtMs >= LOOK_MS
      if (!isDue && !hasNews(book().shadows(), ledger)) return
      await round(rounds, ledger)
      lookedAtMs = clock.monotonicMs()
    },
    onProblem: (error) => events.shadowsNotFollowed(logger, error),
    onCurrentAgain: () => {},
    onNotListening: () => {},
  })
  void follower.start()
  return {
    offer: mirror.offer,
    look: () => follower.look(),
    async stop() {
      await mirror.stop()
      await follower.stop()
      await round(rounds, ledger).catch((error: unknown) => events.shadowsNotFollowed(logger, error))
    },
  }
}

/** A shadow that was just started, has nothing left, or has ended with something to tell. */
function hasNews(running: readonly ServedShadow[], ledger: Ledger): boolean {
  const ids = new Set(running.map(({ id }) => id))
  return (
    running.some((shadow) => !ledger.isLearned(shadow.id) || ledger.isSpent(shadow)) ||
    ledger.news().some((id) => !ids.has(id))
  )
}

/** Tells what was counted, then looks at every shadow that runs. */
async function round(given: RoundParts, ledger: Ledger): Promise<void> {
  await tell(given, ledger)
  const running = given.book().shadows()
  let hasEnded = false
  const failures: unknown[] = []
  for (const shadow of running) {
    try {
      hasEnded = (await lookAt(given, ledger, shadow)) || hasEnded
    } catch (error) {
      // One that is too large to be summed in time for the first time keeps no other from being looked at.
      failures.push(error)
    }
  }
  if (hasEnded) await given.changed()
  if (failures.length > 0) throw failures[0]
}

/** True when it has ended. */
async function lookAt(given: RoundParts, ledger: Ledger, shadow: ServedShadow): Promise<boolean> {
  const { db, clock, writer, logger } = given
  const { id, projectId } = shadow
  const startedAt = new Date(shadow.startedAtMs)
  // What was left out while it cost nothing is added as soon as it does: a sum goes on from its place on the log.
  const known = ledger.loggedOf(id)
  const logged = given.costsNothing(shadow)
    ? known
    : await answered(sumShadowCosts(db, { projectId, id, startedAt }, writer, known))
  const { held } = await answered(sumShadowTallies(db, id, writer))
  const nowMs = clock.nowMs()
  ledger.learn(id, { logged, held }, nowMs)
  const state = ledger.isSpent(shadow) ? 'spent' : shadow.endsAtMs <= nowMs ? 'ended' : null
  if (state === null) return false
  const end = { state, by: null, at: new Date(nowMs), reason: null } as const
  const ended = await answered(finishShadow(db, shadow, end))
  if (ended !== null) events.shadowEnded(logger, { shadow: id, state })
  return true
}

/** What is counted meanwhile is news again. */
async function tell({ db, writer }: Given, ledger: Ledger): Promise<void> {
  for (const shadowId of ledger.news()) {
    const { dropped, skipped, held } = ledger.tallyOf(shadowId)
    await answered(putShadowTally(db, { shadowId, writer, dropped, skipped, held }))
    ledger.told(shadowId, { dropped, skipped, held })
  }
}
