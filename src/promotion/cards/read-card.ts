/** Gathers what a card says from the registry's rows. */

import type { Db } from '../../db/client.ts'
import { usdText } from '../../lib/money.ts'
import { type ModelContent, readModelContent } from '../../registry/models/model-content.ts'
import type { Price } from '../../registry/prices/price.ts'
import { parsePromptContent } from '../../registry/prompts/prompt-content.ts'
import { parseRelease, type ReleaseContent, refText } from '../../registry/releases/release-content.ts'
import { listLabels, type ReleaseRow, readPinned } from '../../registry/releases/store.ts'
import { listDecisions } from '../store.ts'
import type { Card, CardModel, CardMove, CardPrice } from './card.ts'

export type CardDeps = {
  db: Db
  /** The price in force now; null is unknown. */
  priceOf: (projectId: string, upstream: string, model: string) => Price | null
}

/** More moves than a card shows. */
const MAX_MOVES = 200
const MAX_LABELS = 10_000

export async function readCard({ db, priceOf }: CardDeps, release: ReleaseRow): Promise<Card> {
  const { projectId, route } = release
  const content = parseRelease(release.content)
  const prompt =
    content.prompt === null
      ? null
      : parsePromptContent((await readPinned(db, projectId, 'prompt', content.prompt)).content)
  const labels = await listLabels(db, projectId, { route, limit: MAX_LABELS })
  const models: CardModel[] = []
  for (const { model: ref, weight } of content.targets) {
    const row = await readPinned(db, projectId, 'model', ref)
    const model = readModelContent(row.content)
    models.push(modelOf(refText(ref), weight, model, priceOf(projectId, model.upstream, model.model)))
  }
  return {
    route,
    release: `r${release.number}`,
    hash: release.hash,
    made_at: release.createdAt.toISOString(),
    made_by: release.createdByName ?? release.createdBy,
    purpose: prompt?.description ?? null,
    owner: prompt?.owner ?? null,
    ingredients: ingredientsOf(content),
    variables: prompt?.variables ?? null,
    parameters: content.parameters,
    retrieval: content.index?.retrieval ?? null,
    models,
    labels: labels.filter(({ releaseId }) => releaseId === release.id).map(({ label }) => label),
    history: await movesTo(db, release),
  }
}

function ingredientsOf({ prompt, index, targets }: ReleaseContent): Card['ingredients'] {
  return [
    ...(prompt === null ? [] : [{ kind: 'prompt' as const, name: refText(prompt), hash: prompt.hash }]),
    ...(index === undefined
      ? []
      : [{ kind: 'index' as const, name: refText(index.version), hash: index.version.hash }]),
    ...targets.map(({ model }) => ({ kind: 'model' as const, name: refText(model), hash: model.hash })),
  ]
}

function modelOf(
  version: string,
  weight: number | null,
  content: ModelContent,
  price: Price | null,
): CardModel {
  const { upstream, model, licence, context_window, max_output_tokens, capabilities, notes } = content
  const stated = Object.entries(capabilities).filter((entry): entry is [string, boolean] => {
    return entry[1] !== undefined
  })
  return {
    version,
    upstream,
    model,
    weight,
    licence,
    context_window,
    max_output_tokens,
    capabilities: Object.fromEntries(stated),
    notes,
    price: price === null ? null : priceText(price),
  }
}

function priceText({ input, output, source }: Price): CardPrice {
  const text = (amount: bigint | null) => (amount === null ? null : usdText(amount))
  return { input: text(input), output: text(output), source }
}

async function movesTo(db: Db, release: ReleaseRow): Promise<CardMove[]> {
  const page = { route: release.route, before: null, limit: MAX_MOVES }
  const decisions = await listDecisions(db, release.projectId, page)
  return decisions
    .filter((one) => one.toReleaseId === release.id || one.canaryReleaseId === release.id)
    .map((one) => ({
      label: one.toReleaseId === release.id ? one.label : `${one.label} (canary)`,
      to: `r${release.number}`,
      at: one.decidedAt.toISOString(),
      by: one.decidedByName ?? one.decidedBy,
      reason: one.reason,
      decision: one.id,
    }))
}
