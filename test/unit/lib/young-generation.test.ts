/** How far the young generation grows, in a process of its own: the flag holds for all threads of one. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const MODULE = new URL('../../../src/lib/young-generation.ts', import.meta.url).href
/** Allocates 64 MB of which all stays, and says how many megabytes the young generation has after that. */
const PROGRAM = `
import { getHeapSpaceStatistics } from 'node:v8'
const { holdYoungGeneration, releaseYoungGeneration } = await import('${MODULE}')
const kept = []
const grown = () => {
  for (let i = 0; i < 1_000_000; i += 1) kept.push({ a: i, b: [i] })
  const space = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')
  return space.space_size / 1024 ** 2
}
holdYoungGeneration()
const held = grown()
releaseYoungGeneration()
console.log(JSON.stringify([held, grown()]))
`

test('it stays small while it is held and grows to its limit afterwards', async () => {
  const words = ['--max-semi-space-size=32', '--input-type=module', '-e', PROGRAM]
  const { stdout } = await promisify(execFile)(process.execPath, words)
  const [held, released] = JSON.parse(stdout) as [number, number]

  expect(held).toBeLessThanOrEqual(4)
  expect(released).toBeGreaterThanOrEqual(32)
})
