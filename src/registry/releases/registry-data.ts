/** Everything of the registry that serving needs, as plain data, read from the database. */

import type { Db } from '../../db/client.ts'
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

const PAGE_ROWS = 2000
/** What a gateway holds in memory, of each kind. */
const MAX_ROWS = 200_000

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
