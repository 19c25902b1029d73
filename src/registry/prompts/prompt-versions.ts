/** The life of a prompt: pushed as a version, listed, read. A version is never changed; whoever wants another pushes it. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Actor } from '../actor.ts'
import { pushVersion } from '../push-version.ts'
import { findVersion, type VersionKey, type VersionRow } from '../store.ts'
import { contentOfPrompt, type PromptContent, parsePromptContent } from './prompt-content.ts'
import { listNewestVersions, listVersions, type PromptVersionSummary } from './store.ts'

export type PromptVersionsDeps = { db: Db; clock: Clock }

export type PromptVersion = Omit<VersionRow, 'content'> & { content: PromptContent }
export type PromptPage<Cursor> = { rows: PromptVersionSummary[]; nextCursor: Cursor | null }

/** Losing once means that another push won: losing this often is a crowd, and its last winner is worth a look. */
const MAX_TRIES = 20
const PAGE_MAX = 200

/**
 * Pushes a content. One that any earlier version of the prompt has is that version, with `created: false`. Otherwise
 * it becomes the next number; where others push at the same time it tries again, unless `expectedVersion` (the newest
 * number its author has seen, 0 for none) says that they shall not come in between. Throws RequestError conflict,
 * which names the version that won.
 */
export async function pushPrompt(
  deps: PromptVersionsDeps,
  author: Actor,
  wanted: { name: string; content: PromptContent; expectedVersion: number | null },
): Promise<{ version: PromptVersion; created: boolean }> {
  const prompt = { projectId: author.projectId, name: wanted.name }
  const content = contentOfPrompt(wanted.content)
  const push = { ...wanted, kind: 'prompt' as const, content, tries: MAX_TRIES }
  const pushed = await pushVersion(deps, author, push)
  if (pushed !== null) return { version: toVersion(pushed.row), created: pushed.created }
  throw conflict(prompt, await findVersion(deps.db, 'prompt', prompt, null))
}

/** The newest version of each prompt of a project, by name. `cursor` is `nextCursor` of the page before. */
export async function listPrompts(
  { db }: Pick<PromptVersionsDeps, 'db'>,
  projectId: string,
  query: { cursor: string | null; limit: number },
): Promise<PromptPage<string>> {
  const limit = Math.max(1, Math.min(query.limit, PAGE_MAX))
  const rows = await listNewestVersions(db, projectId, { after: query.cursor, limit: limit + 1 })
  return toPage(rows, limit, ({ name }) => name)
}

/** Versions of a prompt, newest first. Throws RequestError not_found when the project has no such prompt. */
export async function listPromptVersions(
  { db }: Pick<PromptVersionsDeps, 'db'>,
  prompt: VersionKey,
  query: { cursor: number | null; limit: number },
): Promise<PromptPage<number>> {
  const limit = Math.max(1, Math.min(query.limit, PAGE_MAX))
  const rows = await listVersions(db, prompt, { before: query.cursor, limit: limit + 1 })
  if (rows.length === 0 && query.cursor === null) throw unknownPrompt(prompt.name)
  return toPage(rows, limit, ({ version }) => version)
}

/** One version; `newest` is the one with the highest number. Throws RequestError not_found. */
export async function getPromptVersion(
  { db }: Pick<PromptVersionsDeps, 'db'>,
  prompt: VersionKey,
  version: number | 'newest',
): Promise<PromptVersion> {
  const newest = version === 'newest'
  const row = await findVersion(db, 'prompt', prompt, newest ? null : version)
  if (row !== null) return toVersion(row)
  if (newest || (await findVersion(db, 'prompt', prompt, null)) === null) throw unknownPrompt(prompt.name)
  const { name } = prompt
  throw new RequestError(
    'not_found',
    `${name} has no version ${version}. GET /api/prompts/${name} lists them.`,
  )
}

function toPage<Cursor>(
  rows: readonly PromptVersionSummary[],
  limit: number,
  cursorOf: (row: PromptVersionSummary) => Cursor,
): PromptPage<Cursor> {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    rows: page,
    nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null,
  }
}

function toVersion(row: VersionRow): PromptVersion {
  return { ...row, content: parsePromptContent(row.content) }
}

function unknownPrompt(name: string): RequestError {
  return new RequestError(
    'not_found',
    `This project has no prompt "${name.slice(0, 80)}". GET /api/prompts lists them; aval prompt push makes one of a file.`,
  )
}

function conflict({ name }: VersionKey, winner: VersionRow | null): RequestError {
  const won =
    winner === null
      ? 'no version yet'
      : `${name}@${winner.version} of ${winner.createdByName ?? winner.createdBy}`
  return new RequestError(
    'conflict',
    `The newest is ${won}, not what was expected. Look at it (aval prompt diff ${name}), then push again.`,
    { param: 'expected_version' },
  )
}
