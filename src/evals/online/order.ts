/** An order to score live traffic: what is fixed when it is made, and everything that is looked at before it is. */

import type { Sql } from 'postgres'
import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { usdText } from '../../lib/money.ts'
import type { Actor } from '../../registry/actor.ts'
import { contentOf } from '../../registry/content.ts'
import { parseReleaseNumber } from '../../registry/releases/release-content.ts'
import { findRelease } from '../../registry/releases/store.ts'
import { fixScorer } from '../runs/create-run.ts'
import type { RunScorer } from '../runs/run-content.ts'
import type { SuiteScorer } from '../suites/suite.ts'
import { liveProblem } from './live-scorers.ts'
import { countLive, findOrder, insertOrder, type OrderRow } from './order-rows.ts'

/** What is fixed when an order is made. */
export type OrderContent = {
  route: string
  releases: readonly { id: string; number: number }[]
  scorers: readonly RunScorer[]
  /** Share of the requests, above 0 and up to 1. */
  sample: number
  /** Requests that began from `since` on and before `until`, ISO 8601. */
  since: string
  until: string
  /** Sampled requests at most. */
  limit: number
  /** Of what judges ask, micro-USD as text; null without a cap. */
  budget: string | null
  /** Why bodies are read, in the words of whoever ordered it. */
  purpose: string
}

export type OrderWish = {
  route: string
  /** `r15`. */
  releases: readonly string[]
  scorers: readonly SuiteScorer[]
  sample: number
  sinceMs: number
  untilMs: number
  limit: number
  /** Micro-USD. */
  budget: bigint | null
  purpose: string
}

/** Live ones of a project, each of which is looked at every minute. */
const MAX_LIVE = 20
/** Far more than a canary holds; monitoring begins a new one. */
const MAX_SPAN_MS = 92 * 86_400_000

/** Throws RequestError for a release that is not there, for a scorer that cannot judge live traffic, and for what never ends. */
export async function createOrder(
  { sql, db, clock }: { sql: Sql; db: Db; clock: Clock },
  author: Actor,
  wish: OrderWish,
): Promise<OrderRow> {
  const { scorers, budget, sinceMs, untilMs } = wish
  const nowMs = clock.nowMs()
  demandSpan(sinceMs, untilMs, nowMs)
  const content: OrderContent = {
    route: wish.route,
    releases: await Promise.all(
      wish.releases.map((text) => releaseOf(db, author.projectId, wish.route, text)),
    ),
    scorers: liveScorers(scorers, budget),
    sample: wish.sample,
    since: new Date(sinceMs).toISOString(),
    until: new Date(untilMs).toISOString(),
    limit: wish.limit,
    budget: budget === null ? null : String(budget),
    purpose: wish.purpose,
  }
  if ((await countLive(sql, author.projectId)) >= MAX_LIVE) {
    const message = `This project has ${MAX_LIVE} live orders, and no more are looked at. Stop one: aval online stop`
    throw new RequestError('conflict', message, { headers: { 'x-should-retry': 'false' } })
  }
  const id = newId('onl', nowMs)
  const { text, hash } = contentOf(content)
  const now = new Date(nowMs).toISOString()
  await insertOrder(sql, { id, content: text, hash, route: wish.route, lookedTo: content.since, author, now })
  const row = await findOrder(sql, author.projectId, id)
  if (row === null) throw new Error(`The order ${id} is gone.`)
  return row
}

/** Of a row that this version wrote. */
export function parseOrder({ content }: Pick<OrderRow, 'content'>): OrderContent {
  return JSON.parse(content) as OrderContent
}

function demandSpan(sinceMs: number, untilMs: number, nowMs: number): void {
  if (untilMs <= sinceMs) {
    throw new RequestError('invalid_value', 'until is not later than since, so nothing lies between.', {
      param: 'until',
    })
  }
  if (Math.max(untilMs, nowMs) - sinceMs <= MAX_SPAN_MS) return
  const days = MAX_SPAN_MS / 86_400_000
  throw new RequestError('invalid_value', `An order spans at most ${days} days. Begin another one later.`, {
    param: 'until',
  })
}

async function releaseOf(db: Db, projectId: string, route: string, text: string) {
  const number = parseReleaseNumber(text)
  const found = number === null ? null : await findRelease(db, projectId, route, number)
  if (found !== null) return { id: found.id, number: found.number }
  const message = `There is no ${JSON.stringify(`${route}@${text}`.slice(0, 130))}. aval release list ${route} shows its releases.`
  throw new RequestError('not_found', message, { param: 'releases' })
}

function liveScorers(scorers: readonly SuiteScorer[], budget: bigint | null): RunScorer[] {
  const names = new Set<string>()
  return scorers.map((scorer, at) => {
    const fixed = fixScorer(scorer, at)
    const problem =
      liveProblem(scorer) ??
      (names.has(scorer.name) ? `"${scorer.name}" stands twice. Give one of them a name.` : null) ??
      (Object.values(scorer.gates).some((gate) => gate !== null)
        ? 'Live scores decide nothing by themselves. Leave at_least and the other bars to suites.'
        : null) ??
      (fixed.judge === true && budget === null
        ? `A model judges "${fixed.kind}", which costs money for as long as there is traffic. Say how much it may cost: a budget, such as ${usdText(1_000_000n)}.`
        : null)
    if (problem !== null) {
      throw new RequestError('invalid_value', `scorers.${at} (${scorer.name}): ${problem}`, {
        param: `scorers.${at}`,
      })
    }
    names.add(scorer.name)
    return fixed
  })
}
