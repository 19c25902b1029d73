/** `aval monitor`: what is watched of the traffic, and why it changed. */

import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { addMonitorExplainCommand } from './monitor/explain.ts'

export function addMonitorCommands(program: Command, context: CliContext): void {
  const monitor = program.command('monitor').description('what is watched of the traffic, and why it changed')
  addMonitorExplainCommand(monitor, context)
}
