/** A message as people read it: one line for each event, what caused it below. Times are UTC. Pure. */

import { amountText, levelText } from '../../lib/amount.ts'
import { causeName } from '../../lib/cause-line.ts'
import { printableLine } from '../../lib/printable.ts'
import type { AlertMessage, MessageEvent } from './message.ts'

const HAPPENED = {
  opened: 'changed',
  still_open: 'has still not recovered',
  ended: 'is as usual again',
} as const

/** Of a bar it says which side of it the value is on. */
function happened({ event, bar }: MessageEvent): string {
  if (bar === undefined) return HAPPENED[event]
  if (event === 'ended') return `is no longer ${bar.side} the bar of rule ${bar.rule}`
  return `is ${event === 'opened' ? '' : 'still '}${bar.side} the bar of rule ${bar.rule}`
}

/** One line: a mail's subject, and how a message begins. */
export function titleOf({ type, data }: AlertMessage): string {
  if (type === 'test') return `Aval: test message to ${data.channel}`
  const count = data.events.length + data.more
  const [first] = data.events
  if (count === 1 && first !== undefined) return `Aval: ${nameOf(first)} ${happened(first)}`
  return `Aval: ${count} alerts of project ${data.project}`
}

/** Lines without their ends. */
export function linesOf({ type, data }: AlertMessage): string[] {
  if (type === 'test') return [`Alerts of project ${data.project} reach the channel ${data.channel}.`]
  const lines = data.events.flatMap((event) => [sentenceOf(event), ...reasonsOf(event)])
  return data.more === 0 ? lines : [...lines, `and ${data.more} more: aval alerts list --open`]
}

function nameOf({ subject, metric }: MessageEvent): string {
  const kind = subject.kind === 'upstream' ? 'upstream ' : ''
  return printableLine(`${kind}${subject.name} ${metric}`)
}

function sentenceOf(event: MessageEvent): string {
  const { alert_id: id, began_at: began, ended_at: ended } = event
  const since =
    ended === null ? ` since ${minuteOf(began)}` : ` from ${minuteOf(began)} to ${minuteOf(ended)}`
  const acked = event.acknowledged ? ', acknowledged' : ''
  return `${nameOf(event)} ${happened(event)}${levelOf(event)}${since}${acked} (aval alerts show ${id})`
}

/** The value is that at which the alert opened. */
function levelOf({ value, usual, unit, bar }: MessageEvent): string {
  if (value === null) return ''
  const level = `: ${levelText(value, unit)}`
  if (bar !== undefined) return `${level} where ${levelText(bar.limit, unit)} is the bar`
  return usual === null ? level : `${level} where ${levelText(usual, unit)} is usual${riseOf(value, usual)}`
}

function reasonsOf({ causes, changes, unit }: MessageEvent): string[] {
  const parts = causes.map(
    ({ cause, amount }) => `${printableLine(causeName(cause))} ${amountText(amount, unit)}`,
  )
  const near = changes.map(({ kind, target, at }) => `${kind} ${printableLine(target)} at ${minuteOf(at)}`)
  return [
    ...(parts.length === 0 ? [] : [`  because of ${parts.join(', ')}`]),
    ...(near.length === 0 ? [] : [`  near it: ${near.join(', ')}`]),
  ]
}

function riseOf(value: number, usual: number): string {
  if (usual <= 0) return ''
  const percent = Math.round((value / usual - 1) * 100)
  return ` (${percent < 0 ? '−' : '+'}${Math.abs(percent)} %)`
}

/** `2026-03-02 13:35 UTC` */
function minuteOf(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`
}
