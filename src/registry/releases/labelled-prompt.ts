/** Which version of a prompt a label means. A label belongs to a route, so that several routes may mean several versions. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import { getPromptVersion, type PromptVersion } from '../prompts/prompt-versions.ts'
import type { VersionKey } from '../store.ts'
import { listPins, type PromptPin } from './store.ts'

/** Always the newest version, and no label of a route. */
const LATEST = 'latest'
const MAX_NAMED = 20

/** `labels`: every one that means this version and no other. */
export type LabelledPrompt = { version: PromptVersion; labels: readonly string[] }

/**
 * The version that a label means, or the one with a number. Throws RequestError: conflict when the label of several
 * routes pins several versions, not_found when it pins none.
 */
export async function getLabelledPrompt(
  deps: { db: Db },
  prompt: VersionKey,
  wanted: { label: string } | { version: number },
): Promise<LabelledPrompt> {
  const newest = await getPromptVersion(deps, prompt, 'newest')
  const pins = await listPins(deps.db, prompt.projectId, prompt.name)
  const number = 'version' in wanted ? wanted.version : meantBy(wanted.label, pins, newest)
  const version = number === newest.version ? newest : await getPromptVersion(deps, prompt, number)
  const labels = [...Map.groupBy(pins, ({ label }) => label)]
    .filter(([label, own]) => label !== LATEST && own.every((pin) => pin.version === number))
    .map(([label]) => label)
  return { version, labels: number === newest.version ? [...labels, LATEST] : labels }
}

function meantBy(label: string, pins: readonly PromptPin[], { name, version }: PromptVersion): number {
  if (label === LATEST) return version
  const own = pins.filter((pin) => pin.label === label)
  const [first] = own
  if (first === undefined) {
    throw new RequestError(
      'not_found',
      `No route's label ${label} serves a release with prompt ${name}, whose newest version is ${version}. Make a release with it and move the label (aval label set), or ask for label=${LATEST} or version=${version}.`,
      { param: 'label' },
    )
  }
  if (own.every((pin) => pin.version === first.version)) return first.version
  const named = own.slice(0, MAX_NAMED).map((pin) => `${pin.route} has ${name}@${pin.version}`)
  const more = own.length > MAX_NAMED ? ` and ${own.length - MAX_NAMED} more` : ''
  throw new RequestError(
    'conflict',
    `Under ${label} routes serve different versions of this prompt: ${named.join(', ')}${more}. Ask for version=…, or call the route through /v1.`,
    { param: 'label' },
  )
}
