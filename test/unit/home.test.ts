/** The data folder: private, its secrets made once, and a clear word when something in it is wrong. */

import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConfigError } from '../../src/errors.ts'
import { loadPepper, openHome, readClientFile, writeClientFile } from '../../src/home.ts'
import { Secret } from '../../src/lib/secret.ts'

let parent: string
let home: string
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'aval-home-'))
  home = join(parent, 'deep', 'home')
  openHome(home)
})
afterEach(() => rmSync(parent, { recursive: true, force: true }))

const modeOf = (path: string) => statSync(path).mode & 0o777

test('the folder is made with what is above it, for its user alone', () => {
  expect(modeOf(home)).toBe(0o700)
})

test('a folder that cannot be made is named with the reason', () => {
  writeFileSync(join(parent, 'file'), '')

  expect(() => openHome(join(parent, 'file', 'home'))).toThrow(ConfigError)
  expect(() => openHome(join(parent, 'file', 'home'))).toThrow(/cannot be used \(EEXIST\)/)
})

test('the pepper is made once and private', () => {
  const first = loadPepper(home, null)
  const second = loadPepper(home, null)

  expect(first.reveal()).toHaveLength(43)
  expect(second.reveal()).toBe(first.reveal())
  expect(modeOf(join(home, 'secrets.json'))).toBe(0o600)
  expect(readdirSync(home)).toEqual(['secrets.json'])
})

test('a pepper that was brought is not written down', () => {
  const brought = new Secret('x'.repeat(40), 'env:AVAL_PEPPER')

  expect(loadPepper(home, brought)).toBe(brought)
  expect(readdirSync(home)).toEqual([])
})

test.each(['{', '{}', '{"pepper":"short"}', '[]'])(
  'a damaged secrets file (%s) is never replaced by a fresh one',
  (text) => {
    writeFileSync(join(home, 'secrets.json'), text)

    expect(() => loadPepper(home, null)).toThrow(ConfigError)
    expect(statSync(join(home, 'secrets.json')).size).toBe(text.length)
  },
)

test('what serve leaves for the command line is private and read back', () => {
  writeClientFile(home, { url: 'http://127.0.0.1:1', key: 'k'.repeat(40) })

  const read = readClientFile(home)

  expect(modeOf(join(home, 'cli.json'))).toBe(0o600)
  expect(read?.url).toBe('http://127.0.0.1:1')
  expect(read?.key.reveal()).toBe('k'.repeat(40))
  expect(readClientFile(parent)).toBeNull()
})
