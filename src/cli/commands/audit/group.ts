/** `aval audit`: the group that several files hang their commands on. */

import type { Command } from 'commander'

/** The group, made by whoever asks first. */
export function auditGroup(program: Command): Command {
  return (
    program.commands.find((command) => command.name() === 'audit') ??
    program.command('audit').description('prove, erase, hold and trace what the log keeps')
  )
}
