/**
 * The last good registry on disk, for a start without a database: a line for each row, and the SHA-256 of all of them,
 * so that a torn or edited file is refused and not half believed. Mode 0600: prompts are nobody else's.
 */

import { createHash } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { EMPTY_REGISTRY, type RegistryData } from './registry-data.ts'

const FORMAT = 'aval-registry-1'
const KINDS = ['prompts', 'models', 'releases', 'labels', 'prices'] as const
const FILE_MAX_BYTES = 512 * 1024 ** 2
/** Lines between two turns of the event loop: about a millisecond of work. */
const LINES_PER_TURN = 500

/** Writes beside the file and renames, so that readers see the old or the new registry and nothing between. */
export async function writeRegistryFile(path: string, data: RegistryData): Promise<void> {
  const beside = `${path}.${process.pid}.new`
  const digest = createHash('sha256')
  const file = await open(beside, 'w', 0o600)
  const write = async (lines: readonly string[]): Promise<void> => {
    const text = lines.map((line) => `${line}\n`).join('')
    digest.update(text)
    await file.write(text)
    await nextTurn()
  }
  try {
    await write([JSON.stringify([FORMAT, data.version])])
    for (const kind of KINDS) {
      const rows = data[kind]
      for (let at = 0; at < rows.length; at += LINES_PER_TURN) {
        await write(rows.slice(at, at + LINES_PER_TURN).map((row) => JSON.stringify([kind, row])))
      }
    }
    await file.write(`${digest.digest('hex')}\n`)
    await file.sync()
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  } finally {
    await file.close()
  }
  await rename(beside, path)
}

/** Null when there is none. Throws an Error that says why a file is refused. */
export async function readRegistryFile(path: string): Promise<RegistryData | null> {
  const size = await sizeOf(path)
  if (size === null) return null
  if (size > FILE_MAX_BYTES) throw new Error(`${path} holds ${size} bytes, more than any registry.`)
  const text = await readFile(path, 'utf8')
  const digestAt = text.lastIndexOf('\n', text.length - 2) + 1
  const digest = createHash('sha256').update(text.slice(0, digestAt)).digest('hex')
  if (digest !== text.slice(digestAt).trimEnd()) {
    throw new Error(`${path} is damaged. It is replaced at the next load.`)
  }
  const [head = '[]', ...lines] = text.slice(0, digestAt).split('\n').slice(0, -1)
  const [format, version] = JSON.parse(head) as [string, string]
  if (format !== FORMAT) throw new Error(`${path} has the format ${format}; ${FORMAT} is read.`)
  const rows = lines.map((line) => JSON.parse(line) as [(typeof KINDS)[number], never])
  const of = (wanted: (typeof KINDS)[number]): never[] =>
    rows.filter(([kind]) => kind === wanted).map(([, row]) => row)
  return {
    ...EMPTY_REGISTRY,
    version,
    prompts: of('prompts'),
    models: of('models'),
    releases: of('releases'),
    labels: of('labels'),
    prices: of('prices'),
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
