/** The files of a folder, in one order on every machine. Follows nothing out of the folder, reads no file's content. */

import type { Dirent } from 'node:fs'
import { opendir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { DocumentError } from './document-error.ts'
import { compileGlobs } from './glob.ts'

export type FolderFile = {
  /** Path below the root with `/` between names: the document's name in its source. */
  key: string
  /** Where the file itself is, with every link resolved. */
  path: string
  sizeBytes: number
}

export type FolderOptions = {
  /** Globs over keys; without any, every file is meant. */
  include?: readonly string[]
  /** What they match is left out, also when it is included. */
  exclude?: readonly string[]
  /** At most and by default 100,000. */
  limit?: number
}

const MAX_FILES = 100_000
/** Names looked at, also of files that are then left out. */
const MAX_NAMES = 1_000_000
const MAX_DEPTH = 64

type Walk = { root: string; names: number; found: Map<string, string>; folders: Folder[] }
type Folder = { key: string; depth: number }

/**
 * Regular files in the order of their keys' code units. Left out: names that begin with a dot, `node_modules`, links to
 * folders (they lead out, or to files listed anyway) and links to files outside the root. Throws DocumentError
 * `unreadable` for a folder that cannot be read, `too_many` beyond a bound.
 */
export async function listFolder(folder: string, options: FolderOptions = {}): Promise<FolderFile[]> {
  const { include = [], exclude = [], limit = MAX_FILES } = options
  const isIncluded = include.length === 0 ? () => true : compileGlobs(include)
  const isExcluded = compileGlobs(exclude)
  const root = await readable(folder, () => realpath(folder))
  const walk: Walk = { root, names: 0, found: new Map(), folders: [{ key: '', depth: 0 }] }
  const wanted = (key: string): boolean => isIncluded(key) && !isExcluded(key)
  for (let next = walk.folders.pop(); next !== undefined; next = walk.folders.pop()) {
    await lookInto(walk, next, wanted)
    if (walk.found.size > Math.min(limit, MAX_FILES))
      throw new DocumentError(
        'too_many',
        `${folder} has more than ${Math.min(limit, MAX_FILES)} files. Name a folder below it, or exclude some.`,
      )
  }
  const files: FolderFile[] = []
  for (const [key, path] of walk.found) {
    const size = await sizeOf(path)
    if (size !== null) files.push({ key, path, sizeBytes: size })
  }
  return files.sort((left, right) => (left.key < right.key ? -1 : 1))
}

async function lookInto(walk: Walk, { key, depth }: Folder, wanted: (key: string) => boolean): Promise<void> {
  const path = join(walk.root, key)
  const names = await readable(path, () => opendir(path))
  for await (const entry of names) {
    walk.names += 1
    if (walk.names > MAX_NAMES)
      throw new DocumentError(
        'too_many',
        `${walk.root} has more than ${MAX_NAMES} names. Name a folder below it.`,
      )
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
    const own = key === '' ? entry.name : `${key}/${entry.name}`
    if (entry.isDirectory()) {
      if (depth === MAX_DEPTH)
        throw new DocumentError('too_many', `${own} is nested deeper than ${MAX_DEPTH} folders. Exclude it.`)
      walk.folders.push({ key: own, depth: depth + 1 })
    } else if (wanted(own)) {
      const file = await fileOf(walk.root, own, entry)
      if (file !== null) walk.found.set(own, file)
    }
  }
}

/** Null for what is no file, or leads out of the root, or to nothing. */
async function fileOf(root: string, key: string, entry: Dirent): Promise<string | null> {
  const path = join(root, key)
  if (entry.isFile()) return path
  if (!entry.isSymbolicLink()) return null
  try {
    const target = await realpath(path)
    return target.startsWith(root === sep ? sep : root + sep) && (await stat(target)).isFile() ? target : null
  } catch {
    // A link to nothing, or round in a circle.
    return null
  }
}

/** Null when the file has gone since its name was read. */
async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size
  } catch {
    // Gone, or in a folder that was closed: then it is not there to be listed.
    return null
  }
}

async function readable<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read()
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new DocumentError(
      'unreadable',
      `The folder ${path} cannot be read (${why}). Check the path and its rights.`,
      { cause: error },
    )
  }
}
