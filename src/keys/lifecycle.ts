/**
 * The life of a virtual key: made, listed, rotated, revoked. The secret leaves `createKey` and `rotateKey` once
 * and is stored nowhere; every change announces itself in its own transaction.
 */

import type { KeyObject } from 'node:crypto'
import type { Db } from '../db/client.ts'
import { RequestError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { Role, VirtualKey } from './key.ts'
import { personOf, whyNotFor } from './person.ts'
import { projectIdOf } from './project.ts'
import { exceedsScope, type KeyScope } from './scope.ts'
import {
  announceKeyChange,
  ensureProject,
  findKey,
  insertKey,
  type KeyRow,
  listKeyRows,
  replaceKeyRow,
  revokeKeyRow,
  toVirtualKey,
} from './store.ts'
import { digestSecret, formatToken, newSecret } from './token.ts'

export type KeyDeps = { db: Db; pepper: KeyObject; clock: Clock }

/** What a new key shall be. Times in milliseconds since the epoch; null = no bound. */
export type NewKey = {
  name: string
  /** Null is the minter's person: another key of one person is no other person. */
  owner: string | null
  /** Project name; null is the minter's project. */
  project: string | null
  roles: readonly Role[]
  allowedRoutes: readonly string[] | null
  rpm: number | null
  concurrency: number | null
  expiresAtMs: number | null
}

type KeyState = 'active' | 'expiring' | 'expired' | 'revoked'

/** A key as it may be shown: everything but digest and secret. */
export type KeyView = Omit<KeyRow, 'digest' | 'roles'> & { roles: readonly string[]; state: KeyState }

/** `token` is the whole key, shown this once. */
export type MintedKey = { token: string; key: KeyView }

export const OVERLAP_DEFAULT_MS = 24 * 3_600_000
/** A longer overlap is two keys, not a rotation. */
const OVERLAP_MAX_MS = 30 * 24 * 3_600_000
const KEY_PAGE_MAX = 200

/**
 * Makes a key. `minter` is the key that asks; null only where the process itself asks (its first start), which may
 * make any key in any project, and one without an owner. Throws RequestError permission_denied when the new key would be
 * more than the minter or somebody else's, invalid_value for a time in the past.
 */
export async function createKey(
  deps: KeyDeps,
  minter: VirtualKey | null,
  wanted: NewKey,
): Promise<MintedKey> {
  const nowMs = deps.clock.nowMs()
  const projectId = wanted.project === null ? minter?.projectId : projectIdOf(wanted.project)
  if (projectId === undefined) throw new TypeError('A key made without a minter must name its project.')
  if (wanted.expiresAtMs !== null && wanted.expiresAtMs <= nowMs) {
    const at = new Date(wanted.expiresAtMs).toISOString()
    throw new RequestError(
      'invalid_value',
      `The key would expire at ${at}, which is past. Name a later time.`,
      {
        param: 'expires_at',
      },
    )
  }
  demandScope(minter, { ...wanted, projectId })
  const owner = wanted.owner ?? (minter === null ? null : personOf(minter))
  if (owner !== null) demandOwner(minter, owner)
  const { row, token } = mint(deps, nowMs, { ...wanted, projectId, owner })
  await deps.db.transaction(async (tx) => {
    const name = projectId.slice('prj_'.length)
    await ensureProject(tx, { id: projectId, name, createdAt: new Date(nowMs) })
    await insertKey(tx, row)
    await announceKeyChange(tx)
  })
  return { token, key: toView(row, nowMs) }
}

/** Keys of a project, newest first. `cursor` is `nextCursor` of the page before; the limit is capped at 200. */
export async function listKeys(
  deps: Pick<KeyDeps, 'db' | 'clock'>,
  query: { projectId: string; cursor: string | null; limit: number },
): Promise<{ rows: KeyView[]; nextCursor: string | null }> {
  const limit = Math.max(1, Math.min(query.limit, KEY_PAGE_MAX))
  const rows = await listKeyRows(deps.db, query.projectId, { before: query.cursor, limit: limit + 1 })
  const page = rows.slice(0, limit).map((row) => toView(row, deps.clock.nowMs()))
  return { rows: page, nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null }
}

/** One key of the project. Throws RequestError not_found, also for a key of another project. */
export async function getKey(
  deps: Pick<KeyDeps, 'db' | 'clock'>,
  projectId: string,
  id: string,
): Promise<KeyView> {
  return toView(demandRow(await findKey(deps.db, projectId, id), id), deps.clock.nowMs())
}

/** Revokes a key of the actor's project; revoking twice keeps the first time. Throws not_found or permission_denied. */
export async function revokeKey(deps: KeyDeps, actor: VirtualKey, id: string): Promise<KeyView> {
  const nowMs = deps.clock.nowMs()
  return await deps.db.transaction(async (tx) => {
    const row = demandRow(await findKey(tx, actor.projectId, id), id)
    demandScope(actor, toVirtualKey(row))
    const revoked = demandRow(await revokeKeyRow(tx, actor.projectId, id, new Date(nowMs)), id)
    await announceKeyChange(tx)
    return toView(revoked, nowMs)
  })
}

/**
 * Makes a successor of the same scope and the same person; the old key works until `overlapMs` have passed (default 24 h, at most 30 d)
 * or its own expiry, whichever is first. The successor keeps the old expiry unless `expiresAtMs` gives another.
 * Throws not_found, permission_denied (also for somebody else's key), invalid_value, or conflict for a key that is no longer live or already replaced.
 */
export async function rotateKey(
  deps: KeyDeps,
  actor: VirtualKey,
  id: string,
  wanted: { overlapMs: number; expiresAtMs?: number | null | undefined },
): Promise<MintedKey & { replaced: KeyView }> {
  if (!(wanted.overlapMs >= 0 && wanted.overlapMs <= OVERLAP_MAX_MS)) {
    throw new RequestError(
      'invalid_value',
      `The overlap is ${wanted.overlapMs} ms. Use 0s to 30d; 24h is the default.`,
      { param: 'overlap' },
    )
  }
  const nowMs = deps.clock.nowMs()
  return await deps.db.transaction(async (tx) => {
    const old = demandRow(await findKey(tx, actor.projectId, id), id)
    const scope = toVirtualKey(old)
    const expiresAtMs = wanted.expiresAtMs === undefined ? scope.expiresAtMs : wanted.expiresAtMs
    demandScope(actor, { ...scope, expiresAtMs })
    // A key without an owner is a person by its id, which its successor would not have.
    const owner = personOf(scope)
    demandOwner(actor, owner)
    demandRotatable(old, nowMs)
    const { row, token } = mint(deps, nowMs, { ...scope, expiresAtMs, owner })
    await insertKey(tx, row)
    const moved = await replaceKeyRow(tx, {
      projectId: actor.projectId,
      id,
      replacedBy: row.id,
      now: new Date(nowMs),
      expiresAt: new Date(nowMs + wanted.overlapMs),
    })
    if (!moved) throw new RequestError('conflict', `Key ${id} was just rotated or revoked by someone else.`)
    await announceKeyChange(tx)
    const replaced = demandRow(await findKey(tx, actor.projectId, id), id)
    return { token, key: toView(row, nowMs), replaced: toView(replaced, nowMs) }
  })
}

function mint(deps: KeyDeps, nowMs: number, scope: KeyScope & Pick<NewKey, 'name' | 'owner'>) {
  const parts = { id: newId('vk', nowMs), secret: newSecret() }
  const row: KeyRow = {
    id: parts.id,
    projectId: scope.projectId,
    name: scope.name,
    owner: scope.owner,
    roles: [...scope.roles],
    allowedRoutes: scope.allowedRoutes === null ? null : [...scope.allowedRoutes],
    digest: digestSecret(deps.pepper, parts.secret),
    rpm: scope.rpm,
    concurrency: scope.concurrency,
    createdAt: new Date(nowMs),
    expiresAt: scope.expiresAtMs === null ? null : new Date(scope.expiresAtMs),
    revokedAt: null,
    replacedBy: null,
  }
  return { row, token: formatToken(parts) }
}

function demandScope(actor: VirtualKey | null, scope: KeyScope): void {
  const excess = actor === null ? null : exceedsScope(actor, scope)
  if (excess !== null) throw new RequestError('permission_denied', excess)
}

function demandOwner(minter: VirtualKey | null, person: string): void {
  const why = minter === null ? null : whyNotFor(minter, person)
  if (why !== null) throw new RequestError('permission_denied', why, { param: 'owner' })
}

function demandRow(row: KeyRow | null, id: string): KeyRow {
  if (row !== null) return row
  throw new RequestError('not_found', `This project has no key "${id}". GET /api/keys lists them.`)
}

function demandRotatable(row: KeyRow, nowMs: number): void {
  const state = keyState(row, nowMs)
  if (row.replacedBy !== null) {
    throw new RequestError('conflict', `Key ${row.id} was already rotated. Rotate ${row.replacedBy} instead.`)
  }
  if (state === 'revoked' || state === 'expired') {
    throw new RequestError('conflict', `Key ${row.id} is ${state} and cannot be rotated. Create a new key.`)
  }
}

/** `expiring` is a rotated key inside its overlap. */
function keyState(row: KeyRow, nowMs: number): KeyState {
  if (row.revokedAt !== null) return 'revoked'
  if (row.expiresAt !== null && row.expiresAt.getTime() <= nowMs) return 'expired'
  return row.replacedBy === null ? 'active' : 'expiring'
}

function toView(row: KeyRow, nowMs: number): KeyView {
  const { digest: _, ...shown } = row
  return { ...shown, state: keyState(row, nowMs) }
}
