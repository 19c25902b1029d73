import { createSecretKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { EMPTY_REGISTRY, type RegistryData } from '../../../src/registry/releases/registry-data.ts'
import { readRegistryFile, writeRegistryFile } from '../../../src/registry/releases/registry-file.ts'

const PEPPER = createSecretKey(Buffer.alloc(32, 1))
const folder = mkdtempSync(join(tmpdir(), 'aval-registry-'))
const path = join(folder, 'registry.json')
afterAll(() => rmSync(folder, { recursive: true }))

const name = fc.string({ unit: 'grapheme', maxLength: 20 })
const version = fc.record({
  projectId: name,
  name,
  version: fc.nat(),
  hash: name,
  content: name,
})
const registry: fc.Arbitrary<RegistryData> = fc.record({
  version: fc.nat().map(String),
  prompts: fc.array(version, { maxLength: 5 }),
  models: fc.array(version, { maxLength: 5 }),
  releases: fc.array(
    fc.record({ id: name, projectId: name, route: name, number: fc.nat(), hash: name, content: name }),
    { maxLength: 5 },
  ),
  labels: fc.constant([]),
  prices: fc.constant([]),
  shadows: fc.constant([]),
})

test('a registry comes back from its file as it was', async () => {
  await fc.assert(
    fc.asyncProperty(registry, async (data) => {
      await writeRegistryFile(path, PEPPER, data)
      expect(await readRegistryFile(path, PEPPER)).toEqual(data)
    }),
    { numRuns: 50 },
  )
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('a file that was torn or edited anywhere is refused', async () => {
  const row = { projectId: 'p', name: 'n', version: 1, hash: 'h', content: 'c'.repeat(50) }
  await writeRegistryFile(path, PEPPER, { ...EMPTY_REGISTRY, version: '7', prompts: [row] })
  const whole = readFileSync(path)
  for (let at = 0; at < whole.length; at += 7) {
    const edited = Buffer.from(whole)
    edited[at] = (edited[at] ?? 0) ^ 1
    writeFileSync(path, edited)
    await expect(readRegistryFile(path, PEPPER)).rejects.toThrow(/damaged|format/)
    writeFileSync(path, whole.subarray(0, at))
    await expect(readRegistryFile(path, PEPPER)).rejects.toThrow(/damaged|format/)
  }
})

test('a whole file of another pepper is refused', async () => {
  await writeRegistryFile(path, PEPPER, { ...EMPTY_REGISTRY, version: '7' })

  await expect(readRegistryFile(path, createSecretKey(Buffer.alloc(32, 2)))).rejects.toThrow(/another pepper/)
})

test('without a file there is none', async () => {
  expect(await readRegistryFile(join(folder, 'nothing.json'), PEPPER)).toBeNull()
})
