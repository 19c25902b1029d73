/**
 * The registry compiled for serving: which release a route's name, label or number means. Never changed in place;
 * prompts are compiled when they are first served, because most releases never are again.
 */

import { hash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { JsonObject } from '../../lib/json.ts'
import { compilePrices, type PriceBook } from '../prices/price-book.ts'
import { shippedPrices } from '../prices/price-list.ts'
import { type PromptContent, parsePromptContent } from '../prompts/prompt-content.ts'
import { type CompiledPrompt, compilePrompt } from '../prompts/render.ts'
import { type PriceData, priceFromData } from './price-data.ts'
import {
  EMPTY_REGISTRY,
  type LabelData,
  type RegistryData,
  type ReleaseData,
  type ShadowData,
  type VersionData,
} from './registry-data.ts'
import { parseRelease, type ReleaseIndex, refText, type VersionRef, versionKey } from './release-content.ts'

type ServedTarget = {
  upstream: string
  /** The upstream's own name of it. */
  model: string
  /** `gpt-4o-mini@3` */
  modelVersion: string
  /** Sent when neither caller nor release says otherwise. */
  parameters: JsonObject
  weight: number | null
}

export type ServedPrompt = { ref: string; content: PromptContent; compiled: CompiledPrompt }

export type ServedReleaseIndex = ReleaseIndex & { ref: string }

export type ServedRelease = {
  id: string
  route: string
  number: number
  hash: string
  targets: readonly ServedTarget[]
  parameters: JsonObject
  retries: number
  /** Null for a release that searches nothing. */
  index: ServedReleaseIndex | null
  /** Null for a release without one. Throws Error when the version is damaged. */
  prompt: () => ServedPrompt | null
}

/** A running shadow: whose traffic is mirrored, to which release, and how much of it. */
export type ServedShadow = Omit<ShadowData, 'budget'> & {
  /** Micro-USD. */
  budget: bigint
}

/** Hundredths of a per cent. */
const WHOLE_WEIGHT = 10_000

type ServedLabel = { stable: ReleaseData; canary: ReleaseData | null; weight: number }
type ServedRoute = { releases: Map<number, ReleaseData>; labels: Map<string, ServedLabel> }

export class RegistryBook {
  readonly #routes = new Map<string, ServedRoute>()
  readonly #byId = new Map<string, ReleaseData>()
  /** By project and route: there is one at most. */
  readonly #shadows = new Map<string, ServedShadow>()
  readonly #prompts = new Map<string, VersionData>()
  readonly #models = new Map<string, VersionData>()
  readonly #ownPrices = new Map<string, PriceData[]>()
  readonly #prices = new Map<string, PriceBook>()
  /** What was made of a release when it was first asked for. */
  readonly #served = new Map<string, ServedRelease>()

  /** The same as `compile`, at once: for registries that are small, and for tests. */
  constructor(data: RegistryData) {
    for (const _row of this.#take(data));
  }

  /** Makes a book without holding the event loop for longer than a thousand rows: requests go on meanwhile. */
  static async compile(data: RegistryData): Promise<RegistryBook> {
    const book = new RegistryBook(EMPTY_REGISTRY)
    let rows = 0
    for (const _row of book.#take(data)) {
      rows += 1
      if (rows % ROWS_PER_TURN === 0) await nextTurn()
    }
    return book
  }

  /** Row by row, so that whoever asks decides when to rest. Labels come last: they point to releases. */
  *#take(data: RegistryData): Generator<void> {
    for (const prompt of data.prompts) {
      this.#prompts.set(versionKey(prompt.projectId, prompt), prompt)
      yield
    }
    for (const model of data.models) {
      this.#models.set(versionKey(model.projectId, model), model)
      yield
    }
    for (const price of data.prices) {
      const own = this.#ownPrices.get(price.projectId) ?? []
      if (own.length === 0) this.#ownPrices.set(price.projectId, own)
      own.push(price)
      yield
    }
    for (const release of data.releases) {
      this.#byId.set(release.id, release)
      this.#routeOf(release).releases.set(release.number, release)
      yield
    }
    for (const label of data.labels) {
      this.#addLabel(label)
      yield
    }
    for (const shadow of data.shadows) {
      const key = `${shadow.projectId} ${shadow.route}`
      this.#shadows.set(key, { ...shadow, budget: BigInt(shadow.budget) })
      yield
    }
  }

  /** Its own prices over the shipped list; made when a project is first asked for. */
  pricesOf(projectId: string): PriceBook {
    let found = this.#prices.get(projectId)
    if (found === undefined) {
      const own = (this.#ownPrices.get(projectId) ?? []).map(priceFromData)
      found = compilePrices(own, shippedPrices)
      this.#prices.set(projectId, found)
    }
    return found
  }

  /** Names of the project's routes that have a label `production`. */
  routesOf(projectId: string): string[] {
    const start = `${projectId} `
    return [...this.#routes]
      .filter(([key, route]) => key.startsWith(start) && route.labels.has(PRODUCTION))
      .map(([key]) => key.slice(start.length))
  }

  has(projectId: string, route: string): boolean {
    return this.#routes.has(`${projectId} ${route}`)
  }

  byNumber(projectId: string, route: string, number: number): ServedRelease | null {
    const release = this.#routes.get(`${projectId} ${route}`)?.releases.get(number)
    return release === undefined ? null : this.#serve(release)
  }

  byId(projectId: string, id: string): ServedRelease | null {
    const release = this.#byId.get(id)
    return release === undefined || release.projectId !== projectId ? null : this.#serve(release)
  }

  /** `unit` is who asks: the same user or key always gets the same side of a canary. */
  byLabel(projectId: string, route: string, label: string, unit: string): ServedRelease | null {
    const found = this.#routes.get(`${projectId} ${route}`)?.labels.get(label)
    if (found === undefined) return null
    const { stable, canary, weight } = found
    const isCanary = canary !== null && bucketOf(`${projectId} ${route} ${label}`, unit) < weight
    return this.#serve(isCanary ? canary : stable)
  }

  /** The shadow that mirrors this label's traffic; null without one. */
  shadowOf(projectId: string, route: string, label: string): ServedShadow | null {
    const found = this.#shadows.get(`${projectId} ${route}`)
    return found === undefined || found.label !== label ? null : found
  }

  /** Every running shadow of every project. */
  shadows(): ServedShadow[] {
    return [...this.#shadows.values()]
  }

  #routeOf({ projectId, route }: { projectId: string; route: string }): ServedRoute {
    const key = `${projectId} ${route}`
    let found = this.#routes.get(key)
    if (found === undefined) {
      found = { releases: new Map(), labels: new Map() }
      this.#routes.set(key, found)
    }
    return found
  }

  #addLabel(label: LabelData): void {
    const stable = this.#byId.get(label.releaseId)
    if (stable === undefined) return
    const canary = label.canaryReleaseId === null ? null : (this.#byId.get(label.canaryReleaseId) ?? null)
    this.#routeOf(label).labels.set(label.label, { stable, canary, weight: label.canaryWeight ?? 0 })
  }

  #serve(release: ReleaseData): ServedRelease {
    const known = this.#served.get(release.id)
    if (known !== undefined) return known
    const content = parseRelease(release.content)
    let prompt: ServedPrompt | null = null
    const made: ServedRelease = {
      id: release.id,
      route: release.route,
      number: release.number,
      hash: release.hash,
      targets: content.targets.map(({ model, weight }) => ({
        ...targetOf(this.#pinned(this.#models, release, model)),
        modelVersion: refText(model),
        weight,
      })),
      parameters: content.parameters,
      retries: content.retries,
      index: content.index === undefined ? null : { ...content.index, ref: refText(content.index.version) },
      prompt: () => {
        if (content.prompt === null) return null
        prompt ??= servedPrompt(this.#pinned(this.#prompts, release, content.prompt))
        return prompt
      },
    }
    this.#served.set(release.id, made)
    return made
  }

  #pinned(versions: Map<string, VersionData>, release: ReleaseData, ref: VersionRef): VersionData {
    const found = versions.get(versionKey(release.projectId, ref))
    if (found !== undefined && found.hash === ref.hash) return found
    throw new Error(`Release ${release.route} r${release.number} pins ${refText(ref)}, which is not there.`)
  }
}

const PRODUCTION = 'production'
const ROWS_PER_TURN = 1000

function targetOf({ content }: VersionData): Pick<ServedTarget, 'upstream' | 'model' | 'parameters'> {
  const { upstream, model, parameters } = JSON.parse(content) as {
    upstream: string
    model: string
    parameters?: JsonObject
  }
  return { upstream, model, parameters: parameters ?? {} }
}

function servedPrompt(version: VersionData): ServedPrompt {
  const content = parsePromptContent(version.content)
  return { ref: refText(version), content, compiled: compilePrompt(content) }
}

/** 0 to 9,999, the same for the same unit, and independent between labels (or whatever else it is drawn for). */
export function bucketOf(label: string, unit: string): number {
  const digest = hash('sha256', `${label}\0${unit}`, 'buffer')
  // 48 bits over 10,000 buckets: the bias is below one in ten billion.
  return digest.readUIntBE(0, 6) % WHOLE_WEIGHT
}
