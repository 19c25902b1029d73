/** Gathers what a card says of a release: from the registry as it is now, and from the runs that are its evidence. */

import type { Sql } from 'postgres'
import type { Db } from '../../db/client.ts'
import { usdText } from '../../lib/money.ts'
import { CAPABILITY_NAMES, type ModelContent, readModelContent } from '../../registry/models/model-content.ts'
import type { Price } from '../../registry/prices/price.ts'
import { parsePromptContent } from '../../registry/prompts/prompt-content.ts'
import { parseRelease, type ReleaseContent, refText } from '../../registry/releases/release-content.ts'
import { type ReleaseRow, readPinned } from '../../registry/releases/store.ts'
import type { PromotionVerdict } from '../evidence/verdict.ts'
import type { Card, CardModel, CardPrice, CardPromotion } from './card.ts'
import { evaluationOf } from './evaluation.ts'
import { missingFrom } from './missing.ts'
import { readDataset, readIndex } from './read-data.ts'
import { type CardRun, findRuns, readFailures, readOperation } from './read-runs.ts'

export type ReadCardDeps = {
  db: Db
  sql: Sql
  /** The price in force now; null is unknown. */
  priceOf: (projectId: string, upstream: string, model: string) => Price | null
}

/**
 * `verdict` null takes the newest finished run of each suite: what they cost and which items failed is said, and nothing is
 * concluded from it. Throws Error when the database lacks what the release pins, or a run that the verdict names.
 */
export async function readCard(
  deps: ReadCardDeps,
  release: ReleaseRow,
  { promotion, verdict }: { promotion: CardPromotion | null; verdict: PromotionVerdict | null },
): Promise<Card> {
  const content = parseRelease(release.content)
  const runs = await findRuns(deps.sql, release, verdict)
  const said = await readRelease(deps, release, content)
  const card: Omit<Card, 'missing'> = {
    format: 'aval.model-card/1',
    route: release.route,
    release: `r${release.number}`,
    release_hash: release.hash,
    made_at: release.createdAt.toISOString(),
    made_by: release.createdByName ?? release.createdBy,
    promotion,
    ...said,
    data: {
      index: await readIndex(deps.sql, release.projectId, content),
      datasets: await inTurn(runs, (run) => readDataset(deps.sql, run)),
    },
    ...evaluationOf(verdict),
    failures: await readFailures(deps.sql, runs),
    cost_and_latency: await inTurn(runs, (run) => readOperation(deps.sql, run)),
  }
  return { ...card, missing: missingFrom(card, content) }
}

async function inTurn<Made>(
  runs: readonly CardRun[],
  read: (run: CardRun) => Promise<Made>,
): Promise<Made[]> {
  const made: Made[] = []
  for (const run of runs) made.push(await read(run))
  return made
}

async function readRelease(
  { db, priceOf }: ReadCardDeps,
  { projectId }: ReleaseRow,
  content: ReleaseContent,
) {
  const prompt =
    content.prompt === null
      ? null
      : parsePromptContent((await readPinned(db, projectId, 'prompt', content.prompt)).content)
  const models: CardModel[] = []
  for (const { model: ref, weight } of content.targets) {
    const model = readModelContent((await readPinned(db, projectId, 'model', ref)).content)
    models.push(modelOf(refText(ref), weight, model, priceOf(projectId, model.upstream, model.model)))
  }
  const { index } = content
  return {
    purpose: prompt?.description ?? null,
    owner: prompt?.owner ?? null,
    variables: prompt?.variables ?? null,
    ingredients: ingredientsOf(content),
    parameters: content.parameters,
    retries: content.retries,
    retrieval: index === undefined ? null : { question: index.question, ...index.retrieval },
    models,
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
  const { capabilities, ...said } = content
  const stated: Readonly<Record<string, boolean | undefined>> = capabilities
  return {
    version,
    weight,
    ...said,
    capabilities: Object.fromEntries(CAPABILITY_NAMES.map((name) => [name, stated[name] ?? null])),
    price: price === null ? null : priceText(price),
  }
}

function priceText({ input, output, source }: Price): CardPrice {
  const text = (amount: bigint | null) => (amount === null ? null : usdText(amount))
  return { input: text(input), output: text(output), source }
}
