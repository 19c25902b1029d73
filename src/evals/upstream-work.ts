/**
 * What batches and trainings share, at which an upstream is for hours: when to look at it again, whether it has taken what it was sent,
 * and the event that stands on the log before anything is sent.
 */

import type { EventLog } from '../audit/record.ts'
import type { UpstreamError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'

const LAST_LOOK_MS = 10 * 60_000
const GROWTH = 1.5

/**
 * When to look again, milliseconds since the epoch: after `firstMs` at first, then more and more seldom, at last every ten minutes.
 * Looks of many at one upstream spread over a quarter of their wait, either way.
 */
export function nextLookMs(
  { clock, random }: { clock: Clock; random: () => number },
  looks: number,
  firstMs: number,
): number {
  const wait = Math.min(LAST_LOOK_MS, firstMs * GROWTH ** Math.min(looks, 20))
  return clock.nowMs() + Math.round(wait * (0.75 + random() / 2))
}

/** The upstream has answered that it does not take it. Of everything else nobody knows whether it has. */
export function wasRefused({ upstreamStatus: status }: UpstreamError): boolean {
  return status !== null && status >= 400 && status < 500 && ![408, 409, 425].includes(status)
}

export type ToldWork = {
  action: string
  target: string
  purpose: string | null
  detail: Readonly<Record<string, unknown>>
}

/** Puts on the log what is about to be done, before it is, as done for whoever asked. Rejects when the log takes no more. */
export async function tellBefore(
  { log, clock }: { log: EventLog; clock: Clock },
  asked: { projectId: string; createdBy: string; createdByName: string | null },
  told: ToldWork,
): Promise<void> {
  const atMs = clock.nowMs()
  await log.event({
    id: newId('evt', atMs),
    kind: 'admin',
    atMs,
    projectId: asked.projectId,
    actorId: asked.createdBy,
    actorName: asked.createdByName,
    ...told,
  })
}
