/** The command line as it is defined, for tests that hold texts against it and run nothing. */

import type { Command } from 'commander'
import type { CliActions } from '../../src/cli/context.ts'
import { buildProgram } from '../../src/cli/program.ts'

export function commandTree(): Command {
  const deps = {
    version: '0',
    settings: { url: 'http://127.0.0.1:0', key: null },
    terminal: {
      write: () => undefined,
      writeError: () => undefined,
      interactive: false,
      colors: false,
      columns: 80,
      progressStream: process.stderr,
      ask: async () => null,
      confirm: async () => false,
    },
    // Nothing is run.
    actions: {} as CliActions,
    nowMs: () => 0,
  }
  return buildProgram(deps, []).program
}
