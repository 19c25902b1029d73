/**
 * The keys of the last good load on disk, for a start without a database. Holds digests, never secrets; mode 0600;
 * sealed with an HMAC, so that a torn or edited file, or one of another pepper, is refused and not half believed.
 */

import { createHmac, type KeyObject } from 'node:crypto'
import { readLastGood, writeLastGood } from '../db/last-good.ts'
import type { KeyEntry } from './declared.ts'
import { ROLES, type Role } from './key.ts'

export type SavedKeys = { version: bigint; savedAtMs: number; entries: KeyEntry[] }

const FORMAT = 'aval-keys-1'
/** 100,000 keys with the longest names and routes stay below it. */
const FILE_MAX_BYTES = 256 * 1024 ** 2
export async function writeSnapshotFile(path: string, pepper: KeyObject, saved: SavedKeys): Promise<void> {
  await writeLastGood(path, linesOf(saved), createHmac('sha256', pepper))
}

function* linesOf({ version, savedAtMs, entries }: SavedKeys): Generator<string> {
  yield JSON.stringify([FORMAT, String(version), savedAtMs, entries.length])
  for (const entry of entries) yield toLine(entry)
}

/** Reads a file made by `writeSnapshotFile`. Null when there is none; throws an Error that says why one is refused. */
export async function readSnapshotFile(
  path: string,
  pepper: KeyObject,
  maxKeys: number,
): Promise<SavedKeys | null> {
  const refusal = 'is damaged or was written with another pepper. It is replaced at the next load.'
  const lines = await readLastGood(path, createHmac('sha256', pepper), { maxBytes: FILE_MAX_BYTES, refusal })
  if (lines === null) return null
  const [format, version, savedAtMs, count] = JSON.parse(lines[0] ?? '[]') as [string, string, number, number]
  if (format !== FORMAT || count !== lines.length - 1 || count > maxKeys) {
    throw new Error(
      `${path} has the format ${format} with ${count} keys; ${FORMAT} with at most ${maxKeys} is read.`,
    )
  }
  return { version: BigInt(version), savedAtMs, entries: lines.slice(1).map(fromLine) }
}

type Line = [
  id: string,
  digest: string,
  name: string,
  projectId: string,
  roles: string[],
  routes: string[] | null,
  rpm: number | null,
  concurrency: number | null,
  expiresAtMs: number | null,
  /** Not in files from before there were owners, whose keys have none. */
  owner?: string | null,
]

function toLine({ key, digest }: KeyEntry): string {
  return JSON.stringify([
    key.id,
    digest.toString('base64url'),
    key.name,
    key.projectId,
    [...key.roles],
    key.allowedRoutes === null ? null : [...key.allowedRoutes],
    key.rpm,
    key.concurrency,
    key.expiresAtMs,
    key.owner,
  ] satisfies Line)
}

/** The seal has been checked: a line is what `toLine` wrote. */
function fromLine(text: string): KeyEntry {
  const [id, digest, name, projectId, roles, allowedRoutes, rpm, concurrency, expiresAtMs, owner = null] =
    JSON.parse(text) as Line
  const known = roles.filter((role): role is Role => ROLES.some((one) => one === role))
  return {
    digest: Buffer.from(digest, 'base64url'),
    key: { id, name, owner, projectId, roles: known, allowedRoutes, rpm, concurrency, expiresAtMs },
  }
}
