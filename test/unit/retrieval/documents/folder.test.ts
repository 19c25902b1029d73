/** Folders on a real disk: what is listed, in which order, and what a file that changes comes to. */

import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../../../src/lib/sha256.ts'
import { type FolderOptions, listFolder } from '../../../../src/retrieval/documents/folder.ts'
import { readStable } from '../../../../src/retrieval/documents/read-stable.ts'
import { refusal } from '../../../support/parsing.ts'

let root = ''

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'aval-folder-'))
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

function write(name: string, content = name): string {
  const path = join(root, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return path
}

const keysOf = async (options: FolderOptions = {}, folder = root) =>
  (await listFolder(folder, options)).map(({ key }) => key)

describe('a folder', () => {
  test('lists its files in one order, with path and size', async () => {
    for (const name of ['b.md', 'a/z.md', 'a.md', 'B.md', 'a/b/c.md', 'é.md']) write(name, 'four')

    const files = await listFolder(root)

    expect(files.map(({ key }) => key)).toEqual(['B.md', 'a.md', 'a/b/c.md', 'a/z.md', 'b.md', 'é.md'])
    expect(files[1]).toMatchObject({ path: expect.stringMatching(/\/a\.md$/), sizeBytes: 4 })
  })

  test('leaves out what is hidden, installed, linked from outside, or no file', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'aval-outside-'))
    writeFileSync(join(outside, 'secret.md'), 'secret')
    for (const name of ['kept.md', '.git/config', '.env', 'node_modules/a/readme.md', 'sub/.hidden'])
      write(name)
    symlinkSync(join(outside, 'secret.md'), join(root, 'link.md'))
    symlinkSync(outside, join(root, 'folder'))
    symlinkSync(root, join(root, 'circle'))
    symlinkSync('nothing', join(root, 'dangling.md'))
    symlinkSync('kept.md', join(root, 'inside.md'))
    execFileSync('mkfifo', [join(root, 'pipe.md')])

    const files = await listFolder(root)
    rmSync(outside, { recursive: true })

    expect(files.map(({ key }) => key)).toEqual(['inside.md', 'kept.md'])
    expect(files[0]?.path).toBe(files[1]?.path)
  })

  test('is not left by a folder beside it whose name begins alike', async () => {
    write('docs/a.md')
    write('docs-private/secret.md')
    symlinkSync('../docs-private/secret.md', join(root, 'docs/link.md'))

    expect(await keysOf({}, join(root, 'docs'))).toEqual(['a.md'])
  })

  test.each<[FolderOptions, string[]]>([
    [{ include: ['*.md'] }, ['a.md', 'b.md']],
    [{ include: ['**/*.md'] }, ['a.md', 'b.md', 'sub/c.md', 'sub/deep/d.md']],
    [{ include: ['sub/'] }, ['sub/c.md', 'sub/deep/d.md', 'sub/e.txt']],
    [{ include: ['./sub/**/*.{md,txt}'], exclude: ['**/deep/**'] }, ['sub/c.md', 'sub/e.txt']],
    [{ include: ['?.md'], exclude: ['b*'] }, ['a.md']],
    [{ exclude: ['**/*.md'] }, ['f[1].txt', 'sub/e.txt']],
    [{ include: ['f[1].*'] }, ['f[1].txt']],
  ])('lists %j', async (options, keys) => {
    for (const name of ['a.md', 'b.md', 'sub/c.md', 'sub/deep/d.md', 'sub/e.txt', 'f[1].txt']) write(name)

    expect(await keysOf(options)).toEqual(keys)
  })

  test('is done with a pattern that would hold up another engine', async () => {
    write(`${'a'.repeat(200)}.txt`)

    expect(await keysOf({ include: [`${'*a'.repeat(100)}b`] })).toEqual([])
  })

  test.each([
    ['with more files than asked for', { limit: 2 }, /^too_many: .*more than 2 files/],
    ['with a pattern that is none', { include: ['{a,b'] }, /^unsupported: .*"\{a,b"/],
    ['with a pattern without end', { include: ['a'.repeat(301)] }, /^unsupported: .*301/],
    ['with patterns without end', { include: Array.from({ length: 101 }, () => 'a') }, /^too_many: .*101/],
  ])('%s is refused', async (_name, options, refused) => {
    for (const name of ['a.md', 'b.md', 'c.md']) write(name)

    expect(await refusal(listFolder(root, options))).toMatch(refused)
  })

  test('that is not there, or is a file, is refused', async () => {
    expect(await refusal(listFolder(join(root, 'gone')))).toMatch(/^unreadable: .*ENOENT/)
    expect(await refusal(listFolder(write('a.md')))).toMatch(/^unreadable: .*ENOTDIR/)
  })
})

describe('a file', () => {
  const large = 'x'.repeat(3 * 1024 * 1024)

  test('is read whole, with its digest', async () => {
    const { bytes, digest } = await readStable(write('a.md', 'words'))

    expect(bytes.toString()).toBe('words')
    expect(digest).toBe(sha256Hex('words'))
  })

  test.each<[string, (path: string) => void]>([
    ['grows', (path) => appendFileSync(path, 'more')],
    ['is cut', (path) => truncateSync(path, 10)],
    ['is written over at the same size', (path) => writeFileSync(path, large.replaceAll('x', 'y'))],
    [
      'gives its name to another file',
      (path) => {
        writeFileSync(`${path}.new`, large)
        renameSync(`${path}.new`, path)
      },
    ],
  ])('that %s while it is read is read again', async (_name, change) => {
    const path = write('a.md', large)
    let changes = 1

    const { bytes, digest } = await readStable(path, {
      onPiece: (bytesRead) => {
        if (bytesRead >= 2 * 1024 * 1024 && changes-- > 0) change(path)
      },
    })

    expect(digest).toBe(sha256Hex(bytes))
    expect(digest).toBe((await readStable(path)).digest)
  })

  test('that never stops changing is given up after three tries', async () => {
    const path = write('a.md', large)
    let pieces = 0
    const onPiece = () => {
      pieces += 1
      appendFileSync(path, 'more')
    }

    expect(await refusal(readStable(path, { onPiece }))).toMatch(/^changed: .*3 times/)
    expect(pieces).toBeLessThan(20)
  })

  test('above the limit is refused before any of it is read', async () => {
    const path = write('a.md', '')
    truncateSync(path, 500 * 1024 * 1024)
    let pieces = 0

    const refused = await refusal(readStable(path, { onPiece: () => void pieces++ }))

    expect(refused).toMatch(/^too_large: .*500 MiB, more than 64 MiB/)
    expect(pieces).toBe(0)
  })

  test('that is none, or is gone, is refused and holds nobody up', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')])
    symlinkSync(write('a.md'), join(root, 'link'))

    expect(await refusal(readStable(root))).toMatch(/^unreadable: .*no file/)
    expect(await refusal(readStable(join(root, 'pipe')))).toMatch(/^unreadable: .*no file/)
    expect(await refusal(readStable(join(root, 'gone')))).toMatch(/^unreadable: .*not there/)
    expect(await refusal(readStable(join(root, 'link')))).toMatch(/^unreadable: .*link/)
  })
})
