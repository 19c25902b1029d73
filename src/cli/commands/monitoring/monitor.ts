/** `aval monitor`: what is watched of the traffic. */

import type { Command } from 'commander'
import type { CliContext } from '../../context.ts'

/** The group, for whoever adds commands to it. */
export function addMonitorCommands(program: Command, _context: CliContext): Command {
  return program.command('monitor').description('what is watched of the traffic, and why it changed')
}
