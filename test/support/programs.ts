/** Starts small programs of this folder as processes of their own, to be killed by tests. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'

export type Program<Line> = { process: ChildProcess; pid: number; line: Line }

const running: ChildProcess[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map(kill))
})

/** Starts a program and resolves with the JSON of its first line on stdout. */
export async function startProgram<Line>(program: URL, ...words: string[]): Promise<Program<Line>> {
  const child = spawn(process.execPath, [fileURLToPath(program), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.push(child)
  if (child.stdout === null) throw new Error('The program has no stdout.')
  const [text] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { process: child, pid: child.pid ?? 0, line: JSON.parse(text) as Line }
}

/** SIGKILL, and wait until it is gone. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
