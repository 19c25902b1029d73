/** What commands about alerts have in common: how one is named. */

import { CliError, EXIT } from '../exit-codes.ts'
import { shorten } from '../format.ts'

export type Subject = { kind: 'route' | 'upstream'; name: string }

/** Throws CliError for what is no id of an alert. */
export function alertPath(id: string): string {
  if (/^alr_[0-9a-z]{26}$/.test(id)) return `/api/alerts/${id}`
  throw new CliError(EXIT.usage, `"${shorten(id, 60)}" is no alert. aval alerts list shows them.`)
}

export function subjectText({ kind, name }: Subject): string {
  return kind === 'route' ? name : `upstream ${name}`
}
