/** The model that a fine-tuning ended with, as the next version of its name: made once, however often it is asked for. */

import type { UpstreamTuning } from '../../providers/fine-tuning.ts'
import type { Actor } from '../../registry/actor.ts'
import { type ModelContent, type ModelTraining, modelContentOf } from '../../registry/models/model-content.ts'
import { type ModelVersion, pushModelVersion } from '../../registry/models/model-versions.ts'
import { datasetRef, type TuningDataset } from './order.ts'
import { type TuningWork, tell } from './work.ts'

/** The same job gives the same content, so a worker that was killed in between finds the version that it made. */
export async function pushTunedVersion(
  work: TuningWork,
  job: UpstreamTuning,
  tunedModel: string,
): Promise<ModelVersion> {
  const { row, db, clock } = work
  const stated = tunedContent(work, job, tunedModel)
  const content = modelContentOf(stated)
  const detail = { hash: content.hash, upstream: row.upstream, model: tunedModel, fine_tune: row.id }
  await tell(work, 'model_version.push', detail, row.name)
  const author: Actor = {
    id: row.createdBy,
    name: row.createdByName ?? row.createdBy,
    projectId: row.projectId,
    person: row.createdByPerson,
  }
  return (await pushModelVersion({ db, clock }, author, { name: row.name, content })).version
}

function tunedContent(work: TuningWork, job: UpstreamTuning, tunedModel: string): ModelContent {
  const { row, content } = work
  return {
    upstream: row.upstream,
    model: tunedModel,
    parameters: {},
    context_window: null,
    max_output_tokens: null,
    capabilities: {},
    licence: content.licence,
    notes: null,
    training: trainingOf(work, job),
  }
}

function trainingOf({ row, content }: TuningWork, job: UpstreamTuning): ModelTraining {
  const { method, epochs, seed, dataset, validation } = content
  const asked = epochs === null ? {} : { n_epochs: epochs }
  return {
    fine_tune: row.id,
    base_model: `${row.upstream}/${row.model}`,
    method,
    hyperparameters: { ...asked, ...job.hyperparameters },
    seed,
    data: dataOf(dataset, row.trainingItems, row.trainingDigest),
    validation: validation === null ? null : dataOf(validation, row.validationItems, row.validationDigest),
    job: job.id,
    trained_tokens: job.trainedTokens,
  }
}

function dataOf(dataset: TuningDataset, items: number | null, digest: string | null) {
  return { dataset: datasetRef(dataset), hash: dataset.hash, items: items ?? 0, digest: digest ?? '' }
}
