/**
 * What differs between Gemini generations, decided from the model id alone; paths; and the model list. Ids nobody here
 * has seen count as the newest generation.
 */

import type { JsonObject } from '../../lib/json.ts'
import { objectsOf, textOf } from '../chat/upstream-json.ts'
import type { UpstreamModel } from '../provider.ts'

/** `budget`: 2.5, thinking in tokens. `level`: 3 and later, which also demand thought signatures. `none`: before. */
type Generation = 'none' | 'budget' | 'level'

export function generationOf(model: string): Generation {
  const name = bareName(model)
  if (/^(?:gemini-(?:1|2\.0)|gemma|learnlm)/.test(name)) return 'none'
  return /^gemini-2\.5/.test(name) || name.startsWith('gemini-robotics-er-1') ? 'budget' : 'level'
}

/** `models/gemini-…` and `gemini-…` are the same model; `tunedModels/…` keeps its collection. */
export function resourceName(model: string): string {
  return model.startsWith('models/') || model.startsWith('tunedModels/') ? model : `models/${model}`
}

/** `/v1beta/models/{model}:{verb}`. The id comes from callers, so it is escaped whole: it cannot leave its collection. */
export function modelPath(model: string, verb: string): string {
  const name = resourceName(model)
  const slash = name.indexOf('/')
  return `/v1beta/${name.slice(0, slash)}/${encodeURIComponent(name.slice(slash + 1))}:${verb}`
}

/** https://ai.google.dev/api/models#method:-models.list; the API gives no creation time, so `created` is 0. */
export function readModels(body: JsonObject): UpstreamModel[] {
  return objectsOf(body.models)
    .map((model) => ({ id: bareName(textOf(model.name)), ownedBy: 'google', created: 0 }))
    .filter((model) => model.id !== '')
}

function bareName(model: string): string {
  return model.startsWith('models/') ? model.slice('models/'.length) : model
}
