/** What the benches of sets share: progress while they measure, and figures with their intervals as tables show them. */

import { printable, printableLine } from '../../lib/printable.ts'
import { type CliContext, writeJson } from '../context.ts'
import { type Look, startProgress } from '../progress.ts'
import { Rate } from '../rate.ts'

/** `phase` is what is measured now; its names may be a stranger's. */
type OnStep = (step: { phase: string; done: number; total: number }) => void

/** Shows how far `measure` is, counted in `unit`, then its figures as text or as JSON. */
export async function showMeasured<Figures>(
  context: CliContext,
  { json, unit }: { json: boolean; unit: string },
  measure: (onStep: OnStep) => Promise<Figures>,
  as: { text: (figures: Figures) => string; json: (figures: Figures) => object },
): Promise<undefined> {
  const { terminal } = context
  const look: Look = {
    bar: `{what}  {bar} {percentage} %  {value} of {total} ${unit}  {rate}`,
    line: ({ total, phase, words }, percent) =>
      `${phase}  ${percent ?? 0} % of ${total} ${unit}  ${words?.rate}`.trim(),
  }
  const rate = new Rate(context.nowMs)
  const progress = startProgress(terminal, look, json)
  try {
    const figures = await measure(({ phase, done, total }) => {
      const what = printableLine(phase)
      progress.update({ done, total, phase: what, words: { what, rate: rate.text(what, done, total) } })
    })
    progress.stop()
    if (json) writeJson(context, as.json(figures))
    else terminal.write(printable(as.text(figures)))
  } finally {
    progress.stop()
  }
  return undefined
}

export function figure(value: number): string {
  return value.toFixed(3)
}

export function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`
}

export function ends(
  { low, high }: { low: number; high: number },
  format: (value: number) => string,
): string {
  return `[${format(low)}, ${format(high)}]`
}
