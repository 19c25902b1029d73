/** Makes releases: resolves what they pin, refuses what could never serve, numbers them. Never moves a label. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import type { Actor } from '../actor.ts'
import {
  hasLoneSurrogate,
  isTooDeep,
  PARAMETER_DEPTH_MAX,
  PARAMETERS_MAX,
  whyNoParameter,
} from '../parameters.ts'
import { type IndexChoice, resolveIndex } from './index-choice.ts'
import {
  parseRelease,
  type ReleaseContent,
  type ReleaseTarget,
  refText,
  releaseContent,
} from './release-content.ts'
import {
  announceRegistryChange,
  findByHash,
  findLabel,
  findRelease,
  findReleaseById,
  insertRelease,
  lastNumber,
  type ReleaseRow,
  readPinned,
} from './store.ts'
import { missing, pinned, versionOf } from './version-choice.ts'

export type NewRelease = IndexChoice & {
  route: string
  /** The release to begin with; null takes what production serves, then the newest, then nothing. */
  from: number | null
  /** `support-answer@14`; null takes over that of `from`; `none` leaves it out. */
  prompt: string | 'none' | null
  /** `gpt-4o-mini@3`, with a weight or without; null takes over those of `from`. */
  models: readonly { ref: string; weight: number | null }[] | null
  parameters: JsonObject | null
  retries: number | null
}

export type CreateDeps = { db: Db; clock: Clock }
/** `created` is false when the very same combination is a release already. */
export type Created = { release: ReleaseRow; created: boolean }

const DEFAULT_RETRIES = 2
const MAX_TARGETS = 20
/** Each failed try means that somebody else made a release of this route. */
const MAX_TRIES = 50
const PRODUCTION = 'production'

/**
 * Throws RequestError: not_found for a version or release that is not there, conflict for a model that cannot do what
 * the prompt needs, invalid_value for a reference that is none.
 */
export async function createRelease(deps: CreateDeps, author: Actor, wanted: NewRelease): Promise<Created> {
  demandOwnParameters(wanted.parameters ?? {})
  const content = await resolve(deps.db, author.projectId, wanted)
  const { text, hash } = releaseContent(content)
  const { projectId } = author
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const same = await findByHash(deps.db, projectId, wanted.route, hash)
    if (same !== null) return { release: same, created: false }
    const nowMs = deps.clock.nowMs()
    const row: ReleaseRow = {
      id: newId('rel', nowMs),
      projectId,
      route: wanted.route,
      number: (await lastNumber(deps.db, projectId, wanted.route)) + 1,
      hash,
      content: text,
      createdBy: author.id,
      createdByName: author.name,
      createdByPerson: author.person,
      createdAt: new Date(nowMs),
    }
    const inserted = await deps.db.transaction(async (transaction) => {
      const isNew = await insertRelease(transaction, row)
      if (isNew) await announceRegistryChange(transaction)
      return isNew
    })
    if (inserted) return { release: row, created: true }
  }
  throw new RequestError(
    'conflict',
    `Others are making releases of "${wanted.route}" all the time. Try again.`,
  )
}

function demandOwnParameters(parameters: JsonObject): void {
  const refuse = (param: string, why: string): never => {
    throw new RequestError('invalid_value', why, { param })
  }
  const names = Object.keys(parameters)
  if (names.length > PARAMETERS_MAX) {
    refuse('parameters', `A release decides at most ${PARAMETERS_MAX} parameters; ${names.length} are named.`)
  }
  if (hasLoneSurrogate(parameters)) {
    refuse('parameters', 'A text in it is not well-formed Unicode: half a surrogate pair. Write it whole.')
  }
  for (const name of names) {
    const why = whyNoParameter(name)
    const param = `parameters.${name}`
    if (why !== null) refuse(param, `"${name}" is no parameter of a release: ${why}. Leave it out.`)
    if (isTooDeep(parameters[name])) {
      refuse(param, `"${name}" is nested deeper than ${PARAMETER_DEPTH_MAX} levels. Write it flatter.`)
    }
  }
}

async function resolve(db: Db, projectId: string, wanted: NewRelease): Promise<ReleaseContent> {
  const base = await baseOf(db, projectId, wanted)
  const prompt =
    wanted.prompt === null
      ? null
      : wanted.prompt === 'none'
        ? 'none'
        : await versionOf(db, projectId, 'prompt', wanted.prompt)
  const pinnedPrompt = prompt === 'none' ? null : prompt === null ? (base?.prompt ?? null) : pinned(prompt)
  const targets =
    wanted.models === null ? (base?.targets ?? []) : await targetsOf(db, projectId, wanted.models)
  if (targets.length === 0) {
    const message = `A release of "${wanted.route}" needs a model. Name one: --model gpt-4o-mini@3.`
    throw new RequestError('missing_required_parameter', message, { param: 'models' })
  }
  const index = await resolveIndex(db, projectId, wanted, base?.index, pinnedPrompt)
  const content: ReleaseContent = {
    route: wanted.route,
    prompt: pinnedPrompt,
    ...(index !== null && { index }),
    targets,
    parameters: wanted.parameters ?? base?.parameters ?? {},
    retries: wanted.retries ?? base?.retries ?? DEFAULT_RETRIES,
  }
  await demandCapabilities(db, projectId, content)
  return content
}

async function baseOf(db: Db, projectId: string, wanted: NewRelease): Promise<ReleaseContent | null> {
  const { route, from } = wanted
  if (from !== null) {
    const row = await findRelease(db, projectId, route, from)
    if (row === null) throw missing(`"${route}" has no release r${from}. aval release list ${route}`, 'from')
    return parseRelease(row.content)
  }
  const label = await findLabel(db, projectId, route, PRODUCTION)
  const row =
    label === null
      ? await findRelease(db, projectId, route, await lastNumber(db, projectId, route))
      : await findReleaseById(db, projectId, label.releaseId)
  return row === null ? null : parseRelease(row.content)
}

async function targetsOf(
  db: Db,
  projectId: string,
  models: NonNullable<NewRelease['models']>,
): Promise<ReleaseTarget[]> {
  if (models.length > MAX_TARGETS) {
    const message = `A release has at most ${MAX_TARGETS} models; ${models.length} are named.`
    throw new RequestError('invalid_value', message, { param: 'models' })
  }
  const targets: ReleaseTarget[] = []
  for (const { ref, weight } of models) {
    targets.push({ model: pinned(await versionOf(db, projectId, 'model', ref)), weight })
  }
  return targets
}

/** What a prompt asks of a model, and the capability that says it can. */
async function demandCapabilities(db: Db, projectId: string, content: ReleaseContent): Promise<void> {
  if (content.prompt === null) return
  const prompt = await readPinned(db, projectId, 'prompt', content.prompt)
  const needs = needsOf(JSON.parse(prompt.content) as JsonValue)
  if (needs.length === 0) return
  for (const { model } of content.targets) {
    const found = await readPinned(db, projectId, 'model', model)
    const capabilities = member(JSON.parse(found.content) as JsonValue, 'capabilities')
    for (const need of needs) {
      if (!isJsonObject(capabilities ?? null) || (capabilities as JsonObject)[need.capability] !== false)
        continue
      const message = `Model ${refText(model)} has no ${need.capability}, and prompt ${refText(content.prompt)} ${need.because}. Choose another model, or push a version that says what it can.`
      throw new RequestError('conflict', message, { param: 'models' })
    }
  }
}

type Need = { capability: 'tools' | 'vision' | 'json'; because: string }

/** What is unknown is no reason to refuse. */
function needsOf(prompt: JsonValue): Need[] {
  const needs: Need[] = []
  const tools = member(prompt, 'tools')
  if (Array.isArray(tools) && tools.length > 0) needs.push({ capability: 'tools', because: 'declares tools' })
  if (JSON.stringify(member(prompt, 'messages') ?? null).includes('"image_url"')) {
    needs.push({ capability: 'vision', because: 'shows images' })
  }
  const format = member(prompt, 'response_format')
  if (isJsonObject(format as JsonValue) && (format as JsonObject).type !== 'text') {
    needs.push({ capability: 'json', because: 'wants JSON' })
  }
  return needs
}

function member(value: JsonValue, name: string): JsonValue | undefined {
  return isJsonObject(value) ? value[name] : undefined
}
