/** Everything of the registry that serving needs, as plain data, read from the database. */

import type { Db } from '../../db/client.ts'
import { listOwnPrices } from '../prices/store.ts'
import { runningShadows } from '../shadows/store.ts'
import { findVersions, type PinnedVersion } from '../store.ts'
import { type PriceData, priceToData } from './price-data.ts'
import { parseRelease, type VersionRef, versionKey } from './release-content.ts'
import { allLabels, countReleases, pageOfReleases } from './store.ts'

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
/** A running one. */
export type ShadowData = {
  id: string
  projectId: string
  route: string
  label: string
  releaseId: string
  share: number
  /** Micro-USD as a decimal text: JSON has no bigint. */
  budget: string
  allowUnpriced: boolean
  startedAtMs: number
  endsAtMs: number
}
export type RegistryData = {
  /** The change counter that was read before anything else. */
  version: string
  prompts: readonly VersionData[]
  models: readonly VersionData[]
  releases: readonly ReleaseData[]
  labels: readonly LabelData[]
  prices: readonly PriceData[]
  shadows: readonly ShadowData[]
}

export const EMPTY_REGISTRY: RegistryData = {
  version: '',
  prompts: [],
  models: [],
  releases: [],
  labels: [],
  prices: [],
  shadows: [],
}

const PAGE_ROWS = 2000
/** What a gateway holds in memory, of each kind. */
const MAX_ROWS = 200_000

/**
 * What was current when the change counter was `version`: read it first, because what changes meanwhile has a later one.
 * Of versions only those that a release pins: pushing many must not fill the memory of gateways. Rows of `last`, the data of an
 * earlier call or null, are not read again: releases and versions never change and never go. Throws Error when there is more than a
 * gateway holds.
 */
export async function readRegistry(
  db: Db,
  version: string,
  last: RegistryData | null = null,
): Promise<RegistryData> {
  const { releases, added } = await allReleases(db, last?.releases ?? [])
  const pins = { prompt: new Map<string, PinnedVersion>(), model: new Map<string, PinnedVersion>() }
  for (const { projectId, content } of added) {
    const { prompt, targets } = parseRelease(content)
    if (prompt !== null) pins.prompt.set(versionKey(projectId, prompt), pinOf(projectId, prompt))
    for (const { model } of targets) pins.model.set(versionKey(projectId, model), pinOf(projectId, model))
  }
  const labels = await allLabels(db, MAX_ROWS + 1)
  demandRoom('labels', labels.length)
  return {
    version,
    prompts: await allVersions(db, 'prompt', pins.prompt, last?.prompts ?? []),
    models: await allVersions(db, 'model', pins.model, last?.models ?? []),
    prices: await ownPrices(db),
    shadows: await allShadows(db),
    releases,
    labels,
  }
}

/**
 * All of them, and which of these are not in `known`. Ids ascend with the clock of whoever made them: one that came in below the
 * newest that is known (another gateway's clock, a transaction that took long) is missed by reading on from there, and shows in
 * the count. Then everything is read.
 */
async function allReleases(
  db: Db,
  known: readonly ReleaseData[],
): Promise<{ releases: readonly ReleaseData[]; added: readonly ReleaseData[] }> {
  const wanted = await countReleases(db)
  const newest = known.at(-1)?.id ?? ''
  const added = await pages((after) => pageOfReleases(db, after, PAGE_ROWS), newest)
  const releases = [...known, ...added]
  demandRoom('releases', releases.length)
  return known.length === 0 || releases.length === wanted ? { releases, added } : await allReleases(db, [])
}

/** `known` and those pinned ones that are not among it. */
async function allVersions(
  db: Db,
  kind: 'prompt' | 'model',
  pins: ReadonlyMap<string, PinnedVersion>,
  known: readonly VersionData[],
): Promise<readonly VersionData[]> {
  const keys = new Set(known.map((row) => versionKey(row.projectId, row)))
  const missing = [...pins].filter(([key]) => !keys.has(key)).map(([, pin]) => pin)
  return missing.length === 0 ? known : [...known, ...(await findVersions(db, kind, missing))]
}

function pinOf(projectId: string, { name, version }: VersionRef): PinnedVersion {
  return { projectId, name, version }
}

async function allShadows(db: Db): Promise<ShadowData[]> {
  const rows = await runningShadows(db, MAX_ROWS + 1)
  demandRoom('shadows', rows.length)
  return rows.map(({ id, projectId, route, label, releaseId, share, budget, allowUnpriced, ...times }) => ({
    id,
    projectId,
    route,
    label,
    releaseId,
    share,
    budget: String(budget),
    allowUnpriced,
    startedAtMs: times.startedAt.getTime(),
    endsAtMs: times.endsAt.getTime(),
  }))
}

async function ownPrices(db: Db): Promise<PriceData[]> {
  const rows = await pages(async (after) => {
    const page = await listOwnPrices(db, { after, limit: PAGE_ROWS })
    return page.map(({ projectId, price }) => ({ id: price.id, data: priceToData(projectId, price) }))
  })
  return rows.map(({ data }) => data)
}

async function pages<Row extends { id: string }>(
  read: (after: string) => Promise<Row[]>,
  from = '',
): Promise<Row[]> {
  const all: Row[] = []
  for (let after = from; ; ) {
    const page = await read(after)
    all.push(...page)
    demandRoom('rows of one kind', all.length)
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE_ROWS) return all
    after = last.id
  }
}

function demandRoom(what: string, rows: number): void {
  if (rows <= MAX_ROWS) return
  throw new Error(`The registry has more than ${MAX_ROWS} ${what}, which is what a gateway holds.`)
}
