/** What commands about alerts have in common: how one is named, and the bar of a rule. */

import { levelText } from '../../lib/amount.ts'
import { durationText } from '../../lib/units.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { shorten } from '../format.ts'

export type Subject = { kind: 'route' | 'upstream'; name: string }
/** `limit`: in the metric's unit. */
export type Bar = {
  rule: string
  side: 'above' | 'below'
  limit: number
  over_seconds: number
  for_seconds: number
}

/** Throws CliError for what is no id of an alert. */
export function alertPath(id: string): string {
  if (/^alr_[0-9a-z]{26}$/.test(id)) return `/api/alerts/${id}`
  throw new CliError(EXIT.usage, `"${shorten(id, 60)}" is no alert. aval alerts list shows them.`)
}

export function subjectText({ kind, name }: Subject): string {
  return kind === 'route' ? name : `upstream ${name}`
}

/** `above 5 %`: where an alert is. */
export function barText({ side, limit }: Pick<Bar, 'side' | 'limit'>, unit: string | null): string {
  return `${side} ${levelText(limit, unit)}`
}

/** `15 min` */
export function spanText(seconds: number): string {
  return durationText(seconds * 1000)
}
