/** Everything of the registry that serving needs, as plain data: read from the database, or from the last good file. */

import { open, readFile, rename, rm } from 'node:fs/promises'
import type { Db } from '../../db/client.ts'
import { type Content, contentOf } from '../content.ts'
import { listOwnPrices } from '../prices/store.ts'
import { type PriceData, priceToData } from './price-data.ts'
import { allLabels, pageOfReleases, pageOfVersions, readRegistryVersion, type VersionKind } from './store.ts'

export type VersionData = { projectId: string; name: string; version: number; hash: string; content: string }
export type ReleaseData = {
  id: string
  projectId: string
  route: string
  number: number
  hash: string
  content: string
}
export type LabelData = {
  projectId: string
  route: string
  label: string
  releaseId: string
  canaryReleaseId: string | null
  canaryWeight: number | null
}
export type RegistryData = {
  /** The change counter that was read before anything else. */
  version: string
  prompts: readonly VersionData[]
  models: readonly VersionData[]
  releases: readonly ReleaseData[]
  labels: readonly LabelData[]
  prices: readonly PriceData[]
}

export const EMPTY_REGISTRY: RegistryData = {
  version: '',
  prompts: [],
  models: [],
  releases: [],
  labels: [],
  prices: [],
}

const FORMAT = 'aval-registry-1'
const PAGE_ROWS = 2000
/** What a gateway holds in memory, of each kind. */
const MAX_ROWS = 200_000
const FILE_MAX_BYTES = 512 * 1024 ** 2

/** Throws Error when there is more than a gateway holds. */
export async function readRegistry(db: Db): Promise<RegistryData> {
  // First: what changes meanwhile has a later version and is read again.
  const version = String(await readRegistryVersion(db))
  const releases = await pages((after) => pageOfReleases(db, after, PAGE_ROWS))
  const labels = await allLabels(db, MAX_ROWS + 1)
  demandRoom('labels', labels.length)
  return {
    version,
    prompts: await versions(db, 'prompt'),
    models: await versions(db, 'model'),
    prices: await ownPrices(db),
    releases: releases.map(({ id, projectId, route, number, hash, content }) => ({
      id,
      projectId,
      route,
      number,
      hash,
      content,
    })),
    labels: labels.map(({ projectId, route, label, releaseId, canaryReleaseId, canaryWeight }) => ({
      projectId,
      route,
      label,
      releaseId,
      canaryReleaseId,
      canaryWeight,
    })),
  }
}

async function versions(db: Db, kind: VersionKind): Promise<VersionData[]> {
  const rows = await pages((after) => pageOfVersions(db, kind, after, PAGE_ROWS))
  return rows.map(({ projectId, name, version, hash, content }) => ({
    projectId,
    name,
    version,
    hash,
    content,
  }))
}

async function ownPrices(db: Db): Promise<PriceData[]> {
  const rows = await pages(async (after) => {
    const page = await listOwnPrices(db, { after, limit: PAGE_ROWS })
    return page.map(({ projectId, price }) => ({ id: price.id, data: priceToData(projectId, price) }))
  })
  return rows.map(({ data }) => data)
}

async function pages<Row extends { id: string }>(read: (after: string) => Promise<Row[]>): Promise<Row[]> {
  const all: Row[] = []
  for (let after = ''; ; ) {
    const page = await read(after)
    all.push(...page)
    demandRoom('versions', all.length)
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE_ROWS) return all
    after = last.id
  }
}

function demandRoom(what: string, rows: number): void {
  if (rows <= MAX_ROWS) return
  throw new Error(`The registry has more than ${MAX_ROWS} ${what}, which is what a gateway holds.`)
}

/** Writes beside the file and renames, so that readers see the old or the new registry and nothing between. */
export async function writeRegistryFile(path: string, data: RegistryData): Promise<void> {
  const beside = `${path}.${process.pid}.new`
  const { hash }: Content = contentOf(data)
  const file = await open(beside, 'w', 0o600)
  try {
    await file.write(JSON.stringify({ format: FORMAT, hash, data }))
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
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  if (text.length > FILE_MAX_BYTES) throw new Error(`${path} is larger than any registry.`)
  const saved = JSON.parse(text) as { format?: string; hash?: string; data?: RegistryData }
  if (saved.format !== FORMAT || saved.data === undefined || contentOf(saved.data).hash !== saved.hash) {
    throw new Error(`${path} is damaged or of another version. It is replaced at the next load.`)
  }
  return saved.data
}
