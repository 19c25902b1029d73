/** Finds what is to be told now and puts it into messages, one for each project and channel. Idempotent: each event goes out once. */

import type { Sql } from 'postgres'
import { newId } from '../../lib/ids.ts'
import type { Alert } from './alert.ts'
import { listTellable } from './alert-rows.ts'
import { insertMessage, noteDue, readTold } from './delivery-rows.ts'
import { type Due, dueOf } from './due.ts'
import { toMessage } from './message.ts'
import type { AlertRule } from './rules.ts'
import { type Silence, silenceFits } from './silence.ts'
import { listSilences } from './silence-rows.ts'

const PAGE = 500
/** 10,000 alerts in a round; a round begins each minute. */
const MAX_PAGES = 20
/** The end of an alert is looked for so long; longer than any worker should be away. */
const OVER_MS = 24 * 60 * 60_000
export const MAX_SILENCES = 200

/** How many messages it made. Rows are read by page; what became due in one page for one project is one message per channel. */
export async function noteAllDue(sql: Sql, rules: readonly AlertRule[], nowMs: number): Promise<number> {
  let messages = 0
  let after: string | null = null
  for (let page = 0; page < MAX_PAGES && rules.length > 0; page += 1) {
    const alerts: Alert[] = await listTellable(sql, { overSinceMs: nowMs - OVER_MS, after, limit: PAGE })
    const told = Map.groupBy(
      await readTold(
        sql,
        alerts.map(({ id }) => id),
      ),
      ({ alertId }) => alertId,
    )
    for (const [projectId, own] of Map.groupBy(alerts, (alert) => alert.projectId)) {
      const due = own.flatMap((alert) =>
        dueOf(alert, rules, told.get(alert.id) ?? [], nowMs).map((one) => ({ alert, due: one })),
      )
      if (due.length > 0) messages += await noteProject(sql, projectId, due, nowMs)
    }
    after = alerts.at(-1)?.id ?? null
    if (alerts.length < PAGE) break
  }
  return messages
}

type DueAlert = { alert: Alert; due: Due }

async function noteProject(
  sql: Sql,
  projectId: string,
  due: readonly DueAlert[],
  nowMs: number,
): Promise<number> {
  const silences = await listSilences(sql, {
    projectId,
    inForceAtMs: nowMs,
    before: null,
    limit: MAX_SILENCES,
  })
  let messages = 0
  for (const [channel, own] of Map.groupBy(due, (one) => one.due.channel)) {
    const id = newId('msg', nowMs)
    await sql.begin(async (transaction) => {
      const going: DueAlert[] = []
      for (const one of own) {
        const silenceId = silenceOf(silences, one)
        const destination = silenceId === null ? { messageId: id } : { silenceId }
        // A reminder under a silence is none; when the silence is over the next one comes.
        if (silenceId !== null && one.due.event === 'still_open') continue
        const isNew = await noteDue(transaction, projectId, one.due, destination, nowMs)
        if (isNew && silenceId === null) going.push(one)
      }
      if (going.length === 0) return
      const events = going.map(({ alert, due: { event } }) => ({ event, alert }))
      await insertMessage(
        transaction,
        id,
        projectId,
        toMessage({ projectId, channel, atMs: nowMs }, events),
        nowMs,
      )
      messages += 1
    })
  }
  return messages
}

/** The end is told under a silence too, where the beginning was. */
function silenceOf(silences: readonly Silence[], { alert, due }: DueAlert): string | null {
  if (due.event === 'ended') return null
  return silences.find((silence) => silenceFits(silence, alert))?.id ?? null
}
