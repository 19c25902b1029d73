/** The workflows of docs/ci.md: what they call exists, and they take no more rights than they need. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { commentText } from '../../../../src/cli/ci/comment.ts'
import { nothingMeasured } from '../../../support/check-outcome.ts'
import { commandTree } from '../../../support/command-tree.ts'

type Step = { uses?: string; run?: string; with?: Record<string, unknown>; env?: Record<string, string> }
type Workflow = {
  on: Record<string, unknown>
  permissions: Record<string, string>
  jobs: Record<string, { 'timeout-minutes': number; steps: Step[] }>
}

const page = readFileSync(fileURLToPath(new URL('../../../../docs/ci.md', import.meta.url)), 'utf8')
const workflows = [...page.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(
  ([, text = '']) => parse(text) as Workflow,
)
const stepsOf = ({ jobs }: Workflow) => Object.values(jobs).flatMap(({ steps }) => steps)
const linesOf = (workflow: Workflow) => stepsOf(workflow).flatMap(({ run }) => run?.split('\n') ?? [])
const callsOf = (workflow: Workflow) =>
  linesOf(workflow).flatMap((line) => /^npx aval ([^>&|]*)/.exec(line.trim())?.[1] ?? [])

const program = commandTree()

/** The command that the words begin with; undefined when a word that has to be one is none. */
function commandOf(words: readonly string[]): Command | undefined {
  let command: Command | undefined = program
  for (const word of words) {
    if (command === undefined || command.commands.length === 0) return command
    command = command.commands.find((one) => one.name() === word)
  }
  return command
}

test('there are two: one with Aval on the runner, one with a server', () => {
  expect(workflows.map((workflow) => callsOf(workflow).length)).toEqual([5, 1])
})

describe.each(workflows.map((workflow, at) => [at + 1, workflow] as const))(
  'workflow %d',
  (_at, workflow) => {
    test('calls commands with options that exist', () => {
      for (const call of callsOf(workflow)) {
        const words = call.trim().split(/\s+/)
        const command = commandOf(words)
        const known = command?.options.map(({ long }) => long)
        expect(command, call).toBeDefined()
        expect(known, call).toEqual(expect.arrayContaining(words.filter((word) => /^--[a-z]/.test(word))))
      }
    })

    test('uses actions of one exact version, and may do nothing but read the code and comment', () => {
      const used = stepsOf(workflow).flatMap(({ uses }) => uses ?? [])

      expect(used.length).toBe(2)
      for (const one of used) expect(one).toMatch(/^actions\/[a-z-]+@v\d+\.\d+\.\d+$/)
      expect(workflow.permissions).toEqual({ contents: 'read', 'pull-requests': 'write' })
      expect(Object.keys(workflow.on)).toEqual(['pull_request'])
      expect(stepsOf(workflow)[0]?.with).toMatchObject({ 'persist-credentials': false })
      for (const { 'timeout-minutes': minutes } of Object.values(workflow.jobs)) {
        expect(minutes).toBeGreaterThan(0)
      }
    })

    test('puts nothing of others into its scripts', () => {
      expect(linesOf(workflow).filter((line) => line.includes('${{'))).toEqual([])
    })

    test('finds its own comment by the line that the comment begins with', () => {
      const [marker = ''] = commentText(nothingMeasured()).split('\n')

      expect(linesOf(workflow).some((line) => line.includes(`startswith("${marker}")`))).toBe(true)
    })
  },
)
