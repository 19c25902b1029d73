/** Starts a process that appends under load, kills it with SIGKILL, and returns what it had acknowledged. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const WRITER = fileURLToPath(new URL('./audit-writer.ts', import.meta.url))

/** `killAfterMs` is asked when the process begins to append; the time that it says runs from its answer. */
export async function killedWriter(
  args: readonly string[],
  killAfterMs: () => number | Promise<number>,
): Promise<{ opened: string[]; closed: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'aval-journal-'))
  const journal = join(folder, 'journal')
  const child = spawn(process.execPath, [WRITER, journal, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.once('data', async () => setTimeout(() => child.kill('SIGKILL'), await killAfterMs()))
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error('The writer ended before it was killed.')
  const lines = readFileSync(journal, 'utf8').split('\n').slice(0, -1)
  rmSync(folder, { recursive: true })
  const ids = (letter: string) => lines.filter((line) => line.startsWith(letter)).map((line) => line.slice(2))
  return { opened: ids('O'), closed: ids('C') }
}
