/** Watched figures as the server sends them, and how commands show them. */

import { causeLine } from '../lib/cause-line.ts'
import { toldOf, type WireExplanation } from './explanation.ts'

export type Subject = { kind: 'route' | 'upstream'; name: string }
export type Unit = 'a_minute' | 'share' | 'ms' | 'micro_usd' | 'tokens' | 'score'
export type Episode = {
  id: string
  change: string
  began_at: string
  opened_at: string
  ended_at: string | null
  value: number | null
  usual: number | null
  excess: number
  acked_by: string | null
}
export type Status = {
  subject: Subject
  metric: string
  text: string
  unit: Unit
  state: 'ok' | 'warn' | 'alert' | 'no_data'
  since: string
  points: number
  newest_at: string | null
  value: number | null
  usual: number | null
  difference_percent: number | null
  alert:
    | (Episode & {
        /** Null until it is explained. */
        explanation: WireExplanation | null
      })
    | null
}

/** Where and when somebody looks. */
export type Viewer = { timeZone: string | undefined; nowMs: number }

/** Points before the first judgement. */
const LEARNT_POINTS = 100
const BARS = '▁▂▃▄▅▆▇█'

/** `ok`, `+22 % since 13:40`, `learning, 12 of 100 points`, `no data since 13:40`. */
export function stateText(viewer: Viewer, status: Status): string {
  const { state, points, since, alert, difference_percent: percent } = status
  if (state === 'no_data') {
    return points < LEARNT_POINTS
      ? `learning, ${points} of ${LEARNT_POINTS} points`
      : `no data since ${clockText(viewer, since)}`
  }
  if (state === 'ok') return 'ok'
  const moved = percent === null ? 'unusual' : signed(percent)
  return `${moved} since ${clockText(viewer, alert?.began_at ?? since)}`
}

/** `output tokens +19 %, mix +3 %, price 0   began with r14 (13:38)`; empty until it is explained. */
export function becauseText(viewer: Viewer, { alert }: Status): string {
  if (alert === null || alert.explanation === null) return ''
  return causeLine(toldOf(alert.explanation), (ms) => clockText(viewer, new Date(ms).toISOString()))
}

/** One letter for each of at most `width` parts of the series, from its lowest to its highest value; a part without points is a space. */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const parts = Math.min(width, values.length)
  const means = Array.from({ length: parts }, (_, part) => {
    const from = Math.floor((part * values.length) / parts)
    const to = Math.floor(((part + 1) * values.length) / parts)
    const known = values.slice(from, to).filter((value) => value !== null)
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length
  })
  const known = means.filter((mean) => mean !== null)
  const [low, high] = [Math.min(...known), Math.max(...known)]
  const barOf = (mean: number) =>
    BARS[
      high === low ? 0 : Math.min(BARS.length - 1, Math.floor(((mean - low) / (high - low)) * BARS.length))
    ]
  return means.map((mean) => (mean === null ? ' ' : barOf(mean))).join('')
}

/** `13:40` of today, with its date on another day. */
function clockText({ timeZone, nowMs }: Viewer, iso: string): string {
  const day = (at: Date) => at.toLocaleDateString('sv-SE', { timeZone })
  const at = new Date(iso)
  const time = at.toLocaleTimeString('sv-SE', { timeZone, hour: '2-digit', minute: '2-digit' })
  return day(at) === day(new Date(nowMs)) ? time : `${day(at)} ${time}`
}

function signed(percent: number): string {
  const rounded = Math.round(percent)
  if (rounded === 0) return '0'
  return `${rounded > 0 ? '+' : '−'}${Math.abs(rounded)} %`
}
