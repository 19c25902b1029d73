/** The one table of exit codes. Scripts depend on them: a code is added, never given another meaning. */

export const EXIT = {
  done: 0,
  ours: 1,
  usage: 2,
  alreadyRunning: 3,
  fail: 100,
  inconclusive: 101,
  errorBudget: 102,
  emptyInput: 103,
  refusedByPolicy: 104,
  altered: 110,
  incomplete: 111,
} as const

const MEANINGS: readonly (readonly [number, string])[] = [
  [EXIT.done, 'done, or a verdict of pass'],
  [EXIT.ours, 'Aval or something behind it failed, or `sync --check` found a difference'],
  [EXIT.usage, 'the command, the config or the key is wrong'],
  [EXIT.alreadyRunning, 'another Aval already runs on this data folder'],
  [EXIT.fail, 'a verdict of fail'],
  [EXIT.inconclusive, 'a verdict of inconclusive'],
  [EXIT.errorBudget, 'too many errors for a verdict'],
  [EXIT.emptyInput, 'the input is empty or invalid'],
  [EXIT.refusedByPolicy, 'a policy refused'],
  [EXIT.altered, 'the log was altered'],
  [EXIT.incomplete, 'the log is incomplete'],
]

/** The table as `aval --help` prints it. */
export function exitCodesHelp(): string {
  const lines = MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`)
  return `\nExit codes:\n${lines.join('\n')}`
}

/** Ends a command with a code and, unless empty, one message on stderr. */
export class CliError extends Error {
  override name = 'CliError'
  readonly exitCode: number
  /** The gateway's own name of what is wrong, where it answered. */
  readonly code: string | null
  constructor(exitCode: number, message: string, code: string | null = null) {
    super(message)
    this.exitCode = exitCode
    this.code = code
  }
}
