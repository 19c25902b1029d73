import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { commandTree } from '../../support/command-tree.ts'

/** Every command that does something, with the words that lead to it. */
function* leaves(command: Command, path: readonly string[] = []): Generator<[string, Command]> {
  for (const next of command.commands) yield* leaves(next, [...path, next.name()])
  if (command.commands.length === 0) yield [path.join(' '), command]
}

/** All that `--help` prints, examples included. */
function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (written) => (text += written) })
  command.outputHelp()
  return text
}

const commands = [...leaves(commandTree())].filter(([path]) => path !== 'help')

describe('--help', () => {
  test('knows as many commands as there are', () => {
    expect(commands.length).toBeGreaterThan(100)
  })

  test.each(commands)('of aval %s shows examples of it, and a line for each option', (path, command) => {
    const help = helpOf(command)

    expect(help).toContain('Examples:')
    expect(help).toMatch(new RegExp(`^  \\$ .*aval ${path}`, 'm'))
    for (const { long, hidden } of command.options) if (!hidden) expect(help).toContain(long)
  })
})
