/** Windows in which nothing moves: between two moments, or at hours of weekdays in a time zone. Pure. */

type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun'
export type Freeze =
  /** Milliseconds since the epoch; `toMs` itself is free. */
  | { fromMs: number; toMs: number; reason: string }
  /** Minutes of the day, `to` itself is free. A window past midnight is two. */
  | { days: readonly Weekday[]; from: number; to: number; zone: string; reason: string }

/** Of a label by an alert, until somebody acknowledges it. `untilMs` null: while it is open. */
export type AlertFreeze = { alertId: string; metric: string; subject: string; untilMs: number | null }

/** The first window that holds the moment; null when moves are free. */
export function frozenAt(windows: readonly Freeze[], nowMs: number): Freeze | null {
  return windows.find((window) => holds(window, nowMs)) ?? null
}

function holds(window: Freeze, nowMs: number): boolean {
  if ('fromMs' in window) return nowMs >= window.fromMs && nowMs < window.toMs
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: window.zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(nowMs)
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? ''
  const minute = Number(part('hour')) * 60 + Number(part('minute'))
  return (
    window.days.some((day) => day === part('weekday').toLowerCase()) &&
    minute >= window.from &&
    minute < window.to
  )
}

/** Behind “Nothing moves”: `between … and … (year's end)`, `on fri, sat between 16:00 and 24:00, Europe/Berlin (weekend)`. */
export function freezeText(window: Freeze | AlertFreeze): string {
  if ('alertId' in window) {
    const { alertId, metric, subject, untilMs } = window
    const end = untilMs === null ? 'as long as that is open' : `until ${new Date(untilMs).toISOString()}`
    return `while it is frozen by alert ${alertId} (${metric} of ${subject}), ${end}. See it: aval alerts show ${alertId}; end the freeze: aval alerts ack ${alertId} --note "…"`
  }
  if ('fromMs' in window) {
    const at = (ms: number) => new Date(ms).toISOString()
    return `between ${at(window.fromMs)} and ${at(window.toMs)} (${window.reason})`
  }
  const at = (minute: number) =>
    `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
  return `on ${window.days.join(', ')} between ${at(window.from)} and ${at(window.to)}, ${window.zone} (${window.reason})`
}
