/** Values as people read them on a terminal. JSON output does not pass through here. */

import Table from 'cli-table3'
import { printableLine } from '../lib/printable.ts'
import type { Terminal } from './terminal.ts'

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

/** Columns under their heads, no borders, every id whole so that it can be pasted. Cells are made printable here. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  for (const row of rows) table.push(row.map(printableLine))
  return `${table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`
}

/** `label  value` lines; entries with null are left out. */
export function formatFields(fields: readonly (readonly [label: string, value: string | null])[]): string {
  const shown = fields.filter((field): field is readonly [string, string] => field[1] !== null)
  const width = Math.max(0, ...shown.map(([label]) => label.length))
  return shown.map(([label, value]) => `${label.padEnd(width)}  ${printableLine(value)}\n`).join('')
}

/** Local date and time, `2026-11-23 14:05:33`; `-` for null. */
export function formatTime(terminal: Pick<Terminal, 'timeZone'>, iso: string | null): string {
  if (iso === null) return '-'
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return printableLine(iso)
  // The Swedish locale writes ISO order.
  return at.toLocaleString('sv-SE', { timeZone: terminal.timeZone })
}

/** `85 ms`, `1.24 s`, `3.1 min`. */
export function formatDuration(ms: number | null): string {
  if (ms === null) return '-'
  if (ms < 1000) return `${Math.round(ms)} ms`
  return ms < 120_000 ? `${(ms / 1000).toFixed(2)} s` : `${(ms / 60_000).toFixed(1)} min`
}

/** `8.1 MB`; `-` for null. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return '-'
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3))
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`
}

/** Shortens free text; never used for ids. */
export function shorten(text: string, letters: number): string {
  return text.length <= letters ? text : `${text.slice(0, letters - 1)}…`
}
