/** Which index a release pins, and what of a request is the question. Refuses what could never find or never show anything. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { CONTEXTS, MESSAGES_SLOT, type PromptContent, parsePromptContent } from '../prompts/prompt-content.ts'
import type { ReleaseIndex, VersionRef } from './release-content.ts'
import { DEFAULT_RETRIEVAL, type RetrievalSettings, retrievalSettings } from './retrieval-settings.ts'
import { indexState, readPinned } from './store.ts'
import { pinned, versionOf } from './version-choice.ts'

export type IndexChoice = {
  /** `handbook@5`; null takes over that of the release it begins with; `none` leaves it out. */
  index: string | 'none' | null
  /** What is said of a search; the rest is that of the release it begins with, then the defaults. */
  retrieval: { [Name in keyof RetrievalSettings]?: RetrievalSettings[Name] | undefined } | null
}

/** Variables that are the question when nothing else says so, the first that the prompt declares. */
const QUESTIONS = ['question', 'query'] as const

/**
 * Null for a release without an index. Throws RequestError: conflict for a version that is not ready and for a prompt
 * that has no place for what is found, or only in a system message; invalid_value for settings that are none.
 */
export async function resolveIndex(
  db: Db,
  projectId: string,
  wanted: IndexChoice & { route: string },
  base: ReleaseIndex | undefined,
  prompt: VersionRef | null,
): Promise<ReleaseIndex | null> {
  if (wanted.index === 'none' || (wanted.index === null && base === undefined)) {
    if (wanted.retrieval === null) return null
    throw new RequestError(
      'invalid_value',
      'Settings of a search need an index. Name one: --index handbook@5.',
      {
        param: 'retrieval',
      },
    )
  }
  const version =
    wanted.index === null && base !== undefined
      ? base.version
      : pinned(await versionOf(db, projectId, 'index', wanted.index ?? ''))
  await demandReady(db, projectId, version)
  if (prompt === null) {
    throw refused(`A release of "${wanted.route}" with an index needs a prompt that shows what is found.`)
  }
  const content = parsePromptContent((await readPinned(db, projectId, 'prompt', prompt)).content)
  demandPlace(content, prompt)
  const said = Object.entries(wanted.retrieval ?? {}).filter(([, value]) => value !== undefined)
  const given = { ...DEFAULT_RETRIEVAL, ...base?.retrieval, ...Object.fromEntries(said) }
  const parsed = retrievalSettings.safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const where = ['retrieval', ...(issue?.path ?? [])].join('.')
    throw new RequestError('invalid_value', `${where}: ${issue?.message ?? 'is wrong'}`, { param: where })
  }
  return { version, question: questionOf(content, prompt), retrieval: parsed.data }
}

async function demandReady(db: Db, projectId: string, { name, version }: VersionRef): Promise<void> {
  const state = await indexState(db, projectId, { name, version })
  if (state === 'ready') return
  throw refused(
    `Index ${name}@${version} is ${state ?? 'not built'}; a release pins one that is ready. aval index show ${name}@${version}`,
  )
}

/** What is found was written by anybody: it is shown to a model as data, never as what the system says. */
function demandPlace({ messages }: PromptContent, { name, version }: VersionRef): void {
  const places = messages.filter(
    (message) => message !== MESSAGES_SLOT && JSON.stringify(message.content).includes(`{{#${CONTEXTS}}}`),
  )
  const [first] = places
  if (first === undefined) {
    throw refused(
      `Prompt ${name}@${version} has no place for what is found. Write {{#${CONTEXTS}}}[{{number}}] {{text}}{{/${CONTEXTS}}} into a user message.`,
    )
  }
  const system = places.find(
    (message) => message !== MESSAGES_SLOT && (message.role === 'system' || message.role === 'developer'),
  )
  if (system === undefined) return
  throw refused(
    `Prompt ${name}@${version} shows what is found in a system message, where a document could give orders. Move {{#${CONTEXTS}}} into a user message.`,
  )
}

function questionOf({ variables, messages }: PromptContent, { name, version }: VersionRef): string | null {
  const declared: JsonObject = isJsonObject(variables?.properties) ? variables.properties : {}
  const known = QUESTIONS.find((one) => Object.hasOwn(declared, one))
  if (known !== undefined) return known
  const texts = Object.entries(declared).filter(
    ([, schema]) => isJsonObject(schema) && schema.type === 'string',
  )
  if (texts.length === 1) return texts[0]?.[0] ?? null
  if (messages.includes(MESSAGES_SLOT)) return null
  throw refused(
    `Nothing says which variable of prompt ${name}@${version} is the question. Call it "question", or add "${MESSAGES_SLOT}" to its messages.`,
  )
}

function refused(message: string): RequestError {
  return new RequestError('conflict', message, { param: 'index' })
}
