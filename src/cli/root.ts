/** The bare `aval` program that commands are added to, and what every command gets. Adds none, reads no environment. */

import { Command } from 'commander'
import { type ClientSettings, createClient } from './client.ts'
import type { CliActions, CliContext } from './context.ts'
import { EXIT } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

export type CliDeps = {
  version: string
  settings: ClientSettings
  terminal: Terminal
  actions: CliActions
  nowMs: () => number
  /** The first SIGINT or SIGTERM. Without one nothing stops a command but the end of its process. */
  stop?: AbortSignal
}

/** `exitCode` gives, after the program's `parseAsync`, what its command chose. */
export type BareProgram = { program: Command; context: CliContext; exitCode: () => number }

/** A program without commands. `typed`: the words of the command line, without `node` and the script. */
export function bareProgram(deps: CliDeps, typed: readonly string[]): BareProgram {
  let exitCode: number = EXIT.done
  const context: CliContext = {
    terminal: deps.terminal,
    typed,
    client: createClient(deps.settings),
    actions: deps.actions,
    nowMs: deps.nowMs,
    stop: deps.stop ?? new AbortController().signal,
    run:
      (body) =>
      async (...input) => {
        exitCode = (await body(...input)) ?? EXIT.done
      },
  }
  const program = new Command('aval')
    .description('An LLM gateway that serves only what it has proven.')
    .version(deps.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => deps.terminal.write(text),
      writeErr: (text) => deps.terminal.writeError(text),
      getOutHasColors: () => deps.terminal.colors,
      getErrHasColors: () => deps.terminal.colors,
      getOutHelpWidth: () => deps.terminal.columns,
      getErrHelpWidth: () => deps.terminal.columns,
    })
  return { program, context, exitCode: () => exitCode }
}
