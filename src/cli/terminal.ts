/** Where a command prints. What may be printed there says src/lib/printable.ts. */

import pc from 'picocolors'

export type Terminal = {
  write(text: string): void
  writeError(text: string): void
  /** Both ends are a person's terminal: questions may be asked and bars drawn. */
  interactive: boolean
  /** False without a terminal or with NO_COLOR. */
  colors: boolean
  columns: number
  /** IANA zone of shown times; undefined is the machine's. */
  timeZone?: string | undefined
  /** Asks a yes/no question; only called when `interactive`. */
  confirm(question: string): Promise<boolean>
  /** One line; null when there is no more. `hidden`: what is typed is not shown. Only called when `interactive`. */
  ask(question: string, options?: { hidden: boolean }): Promise<string | null>
  /** Where a progress bar draws. */
  progressStream: NodeJS.WritableStream
}

/** Colours for this terminal, or functions that change nothing. */
export function colorsOf(terminal: Pick<Terminal, 'colors'>) {
  return pc.createColors(terminal.colors)
}
