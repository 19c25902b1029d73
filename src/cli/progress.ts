/**
 * How far a long command is, on standard error: a bar on a person's terminal, a line for every tenth in a log, and
 * nothing when asked to be silent. Never writes to standard output, which belongs to the answer.
 */

import { SingleBar } from 'cli-progress'
import type { Terminal } from './terminal.ts'

export type Step = {
  done: number
  /** Null while nobody knows it. */
  total: number | null
  /** In a log a new phase has a line at once, also before the first tenth. */
  phase?: string
  /** What the bar shows besides its own figures, by their names in `bar`. */
  words?: Readonly<Record<string, string>>
}
export type Look = {
  /** The format of cli-progress. */
  bar: string
  /** The line of a log; `percent` is 0, 10, … 100, or null without a total. */
  line(step: Step, percent: number | null): string
}
export type Progress = { update(step: Step): void; stop(): void }

const SILENCE: Progress = { update: () => undefined, stop: () => undefined }

/** `silent` is for commands that print JSON. Call `stop` however the work ends. */
export function startProgress(terminal: Terminal, look: Look, silent: boolean): Progress {
  if (silent) return SILENCE
  return terminal.interactive ? barOf(terminal, look) : linesOf(terminal, look)
}

function linesOf(terminal: Terminal, look: Look): Progress {
  let lastPercent: number | null = 0
  let lastPhase: string | undefined
  return {
    update: (step) => {
      const percent = tenthsOf(step)
      if (percent === lastPercent && step.phase === lastPhase) return
      lastPercent = percent
      lastPhase = step.phase
      terminal.writeError(`${look.line(step, percent)}\n`)
    },
    stop: () => undefined,
  }
}

function tenthsOf({ done, total }: Step): number | null {
  if (total === null) return null
  return total === 0 ? 0 : Math.min(100, Math.floor((done / total) * 10) * 10)
}

function barOf(terminal: Terminal, look: Look): Progress {
  const bar = new SingleBar({
    format: look.bar,
    stream: terminal.progressStream as NodeJS.WriteStream,
    hideCursor: true,
    barsize: 24,
    // Without a total nothing is known to be done; the library would draw a full bar.
    emptyOnZero: true,
  })
  let started = false
  return {
    update: ({ done, total, words = {} }) => {
      const length = total === null ? 0 : Math.max(total, done)
      if (!started) bar.start(length, 0, words)
      started = true
      bar.setTotal(length)
      bar.update(total === null ? 0 : done, words)
    },
    stop: () => {
      if (started) bar.stop()
    },
  }
}
