/** Asks for a model to be trained: says beforehand what would leave the house, and begins. */

import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { splitModelName } from '../../lib/model-name.ts'
import type { Dialect } from '../../providers/provider.ts'
import type { Actor } from '../../registry/actor.ts'
import { findDataset } from '../datasets/dataset-versions.ts'
import { datasetRef, formatOf, type TuningContent, type TuningDataset, tuningContent } from './order.ts'
import { type FileFigures, MIN_TRAINING_ITEMS, measureFile, whyNoFile } from './training-file.ts'
import { findTuning, findTuningByKey, insertTuning, type TuningRow } from './tuning-rows.ts'

export type CreateTuningDeps = {
  sql: Sql
  clock: Clock
  /** What an upstream speaks, and whether it can train; null for one that is not configured. */
  speaks: (upstream: string) => { dialect: Dialect; tunes: boolean } | null
}
export type TuningWish = {
  /** Of the model whose next version it becomes. */
  name: string
  /** `refunds@3`, or `refunds` for the newest. */
  dataset: string
  validation: string | null
  /** `upstream/model` */
  model: string
} & Pick<TuningContent, 'method' | 'epochs' | 'suffix' | 'seed' | 'licence'>
export type TuningPlan = {
  content: TuningContent
  training: FileFigures
  validation: FileFigures | null
  /** Why it cannot be begun; null when it can. */
  problem: string | null
}

/** Throws RequestError for an upstream that trains nothing, and for datasets that are not there. */
export async function planTuning(
  { sql, speaks }: CreateTuningDeps,
  projectId: string,
  { name, dataset, validation, model: given, ...settings }: TuningWish,
): Promise<TuningPlan> {
  const { upstream, model } = demandTuner(speaks, given)
  const data = await demandDataset(sql, projectId, dataset, 'dataset')
  const held = validation === null ? null : await demandDataset(sql, projectId, validation, 'validation')
  const figuresOf = ({ id: datasetId }: TuningDataset) =>
    measureFile(sql, { projectId, datasetId, format: formatOf(settings.method) })
  const training = await figuresOf(data)
  const checked = held === null ? null : await figuresOf(held)
  return {
    content: { name, upstream, model, dataset: data, validation: held, ...settings },
    training,
    validation: checked,
    problem:
      whyNoFile(datasetRef(data), training, MIN_TRAINING_ITEMS) ??
      (held === null || checked === null ? null : whyNoFile(datasetRef(held), checked, 1)),
  }
}

function demandTuner(speaks: CreateTuningDeps['speaks'], given: string): { upstream: string; model: string } {
  const refuse = (message: string) => new RequestError('invalid_value', message, { param: 'model' })
  const named = splitModelName(given)
  if (named === null)
    throw refuse(`"${given.slice(0, 80)}" names no model of an upstream. Write upstream/model.`)
  const found = speaks(named.upstream)
  if (found === null) {
    throw refuse(
      `There is no upstream "${named.upstream.slice(0, 63)}" in aval.yaml. aval doctor lists them.`,
    )
  }
  if (found.tunes) return named
  throw refuse(
    `Upstream "${named.upstream}" speaks the dialect ${found.dialect}, in which no model is trained here. Name one of the dialect openai.`,
  )
}

async function demandDataset(
  sql: Sql,
  projectId: string,
  reference: string,
  param: string,
): Promise<TuningDataset> {
  const found = await findDataset(sql, projectId, reference)
  if (found === null) {
    const message = `There is no dataset ${JSON.stringify(reference.slice(0, 80))}. aval dataset list shows what there is.`
    throw new RequestError('not_found', message, { param })
  }
  const { id, name, version, hash } = found
  return { id, name, version, hash }
}

export type TuningOrderGiven = { plan: TuningPlan; purpose: string; idempotencyKey: string | null }

/** The row, or the one that this key made before. Throws RequestError for a plan with a problem. */
export async function createTuning(
  { sql, clock }: Pick<CreateTuningDeps, 'sql' | 'clock'>,
  author: Actor,
  { plan, purpose, idempotencyKey }: TuningOrderGiven,
): Promise<{ row: TuningRow; created: boolean }> {
  demandNoProblem(plan)
  const nowMs = clock.nowMs()
  const { content, training } = plan
  const id = newId('ftn', nowMs)
  const created = await insertTuning(sql, {
    id,
    projectId: author.projectId,
    name: content.name,
    upstream: content.upstream,
    model: content.model,
    content: tuningContent(content).text,
    datasetId: content.dataset.id,
    validationId: content.validation?.id ?? null,
    purpose,
    items: training.items,
    tokens: training.tokens,
    idempotencyKey,
    createdBy: author.id,
    createdByName: author.name,
    createdByPerson: author.person,
    now: new Date(nowMs).toISOString(),
  })
  const row = created
    ? await findTuning(sql, author.projectId, id)
    : await findTuningByKey(sql, author.projectId, idempotencyKey ?? '')
  if (row === null) throw new Error(`The fine-tuning ${id} is gone.`)
  return { row, created }
}

/** Throws RequestError that says what is in the way. */
export function demandNoProblem({ problem }: TuningPlan): void {
  if (problem !== null) throw new RequestError('invalid_value', problem, { param: 'dataset' })
}
