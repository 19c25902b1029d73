/**
 * The last good registry on disk, for a start without a database: a line for each row, sealed under the pepper, so that
 * nobody without it makes a gateway serve another prompt.
 */

import { createHmac, type KeyObject } from 'node:crypto'
import { readLastGood, writeLastGood } from '../../db/last-good.ts'
import type { RegistryData } from './registry-data.ts'

const FORMAT = 'aval-registry-1'
const KINDS = ['prompts', 'models', 'releases', 'labels', 'prices', 'shadows'] as const
type Kind = (typeof KINDS)[number]
const MAX_BYTES = 512 * 1024 ** 2

export async function writeRegistryFile(path: string, pepper: KeyObject, data: RegistryData): Promise<void> {
  await writeLastGood(path, linesOf(data), createHmac('sha256', pepper))
}

function* linesOf(data: RegistryData): Generator<string> {
  yield JSON.stringify([FORMAT, data.version])
  for (const kind of KINDS) for (const row of data[kind]) yield JSON.stringify([kind, row])
}

/** Null when there is none. Throws an Error that says why a file is refused. */
export async function readRegistryFile(path: string, pepper: KeyObject): Promise<RegistryData | null> {
  const refusal = 'is damaged or was written with another pepper. It is replaced at the next load.'
  const lines = await readLastGood(path, createHmac('sha256', pepper), { maxBytes: MAX_BYTES, refusal })
  if (lines === null) return null
  const [head = '[]', ...rest] = lines
  const [format, version] = JSON.parse(head) as [string, string]
  if (format !== FORMAT) throw new Error(`${path} has the format ${format}; ${FORMAT} is read.`)
  const rows = Map.groupBy(
    rest.map((line) => JSON.parse(line) as [Kind, never]),
    ([kind]) => kind,
  )
  const of = (kind: Kind): never[] => rows.get(kind)?.map(([, row]) => row) ?? []
  return {
    version,
    prompts: of('prompts'),
    models: of('models'),
    releases: of('releases'),
    labels: of('labels'),
    prices: of('prices'),
    shadows: of('shadows'),
  }
}
