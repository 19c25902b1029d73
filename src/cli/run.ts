/**
 * Runs a command line: errors and exit codes are decided here, once. The commands that are the process itself are built
 * without the others, whose hundred modules a gateway would keep in memory. Reads no environment.
 */

import { CommanderError } from 'commander'
import { ConfigError } from '../errors.ts'
import { addProcessCommands } from './commands/operations.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { type BareProgram, bareProgram, type CliDeps } from './root.ts'
import { colorsOf, type Terminal } from './terminal.ts'

/** What `addProcessCommands` adds. */
const PROCESS_COMMANDS: ReadonlySet<string> = new Set(['serve', 'work', 'migrate', 'check'])

/** Runs one command line (without `node` and the script) and gives its exit code; prints every failure itself. */
export async function runCli(deps: CliDeps, words: readonly string[]): Promise<number> {
  const { program, exitCode } = await programFor(deps, words)
  try {
    await program.parseAsync([...words], { from: 'user' })
    return exitCode()
  } catch (error) {
    return report(deps.terminal, error)
  }
}

async function programFor(
  deps: CliDeps,
  words: readonly string[],
): Promise<Pick<BareProgram, 'program' | 'exitCode'>> {
  if (!PROCESS_COMMANDS.has(words[0] ?? '')) {
    const { buildProgram } = await import('./program.ts')
    return buildProgram(deps, words)
  }
  const { program, context, exitCode } = bareProgram(deps, words)
  addProcessCommands(program, context)
  return { program, exitCode }
}

function report(terminal: Terminal, error: unknown): number {
  // Commander has printed its own message, with a suggestion where one is near.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  const red = colorsOf(terminal).red
  if (error instanceof CliError) {
    terminal.writeError(`${red('error')} ${error.message}\n`)
    return error.exitCode
  }
  if (error instanceof ConfigError) {
    for (const problem of error.problems) terminal.writeError(`${red('error')} ${problem}\n`)
    return EXIT.usage
  }
  terminal.writeError(
    `${red('error')} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  return EXIT.ours
}
