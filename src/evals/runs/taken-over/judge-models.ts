/** Which models a judge asks, by its settings. Pure. */

import { isJsonObject, type JsonObject } from '../../../lib/json.ts'

/** A judge names its model in `model`, a jury its members' in `judges`. Sorted, each once. */
export function judgeModels({ model, judges }: JsonObject): string[] {
  const members = Array.isArray(judges) ? judges : []
  const named = [model, ...members.map((one) => (isJsonObject(one) ? one.model : null))]
  return [...new Set(named.filter((name) => typeof name === 'string'))].toSorted()
}
