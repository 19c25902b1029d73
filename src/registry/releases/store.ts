/** All SQL about releases, and the read side of labels. Never moves a label: `promotion` does. */

import type { Db } from '../../db/client.ts'
import { and, asc, desc, eq, gt, inArray, isNull, lt, max, sql } from '../../db/orm.ts'
import { indexBuilds, indexVersions } from '../../db/retrieval-tables.ts'
import { changeCounters } from '../../db/schema.ts'
import { decisions, labels, releases } from '../../db/version-tables.ts'
import { findVersion, type VersionKind, type VersionRow } from '../store.ts'
import { refText, type VersionRef } from './release-content.ts'

export type ReleaseRow = typeof releases.$inferSelect
export type LabelRow = typeof labels.$inferSelect
/** The NOTIFY channel of new releases and moved labels. */
export const REGISTRY_CHANNEL = 'aval_registry'
const SUBJECT = 'registry'

/** The version that a release pins. Throws Error when it is not there or another one: somebody changed the database. */
export async function readPinned(
  db: Db,
  projectId: string,
  kind: VersionKind,
  ref: VersionRef,
): Promise<VersionRow> {
  const found = await findVersion(db, kind, { projectId, name: ref.name }, ref.version)
  if (found !== null && found.hash === ref.hash) return found
  throw new Error(`A release pins the ${kind} ${refText(ref)}, which is not there.`)
}

export async function findRelease(
  db: Db,
  projectId: string,
  route: string,
  number: number,
): Promise<ReleaseRow | null> {
  const rows = await db
    .select()
    .from(releases)
    .where(and(eq(releases.projectId, projectId), eq(releases.route, route), eq(releases.number, number)))
  return rows[0] ?? null
}

export async function findReleaseById(db: Db, projectId: string, id: string): Promise<ReleaseRow | null> {
  const rows = await db
    .select()
    .from(releases)
    .where(and(eq(releases.projectId, projectId), eq(releases.id, id)))
  return rows[0] ?? null
}

/** By their ids; one that is not there, or of another project, is left out. */
export async function findReleasesById(
  db: Db,
  projectId: string,
  ids: readonly string[],
): Promise<Map<string, ReleaseRow>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .select()
    .from(releases)
    .where(and(eq(releases.projectId, projectId), inArray(releases.id, [...new Set(ids)])))
  return new Map(rows.map((row) => [row.id, row]))
}

export async function findByHash(
  db: Db,
  projectId: string,
  route: string,
  hash: string,
): Promise<ReleaseRow | null> {
  const rows = await db
    .select()
    .from(releases)
    .where(and(eq(releases.projectId, projectId), eq(releases.route, route), eq(releases.hash, hash)))
  return rows[0] ?? null
}

/** The highest number of a route's releases; 0 before the first. */
export async function lastNumber(db: Db, projectId: string, route: string): Promise<number> {
  const rows = await db
    .select({ number: max(releases.number) })
    .from(releases)
    .where(and(eq(releases.projectId, projectId), eq(releases.route, route)))
  return rows[0]?.number ?? 0
}

/** False when another release took the number or the same content came first. */
export async function insertRelease(db: Db, row: ReleaseRow): Promise<boolean> {
  const rows = await db.insert(releases).values(row).onConflictDoNothing().returning({ id: releases.id })
  return rows.length === 1
}

/** Newest first; of one route or of all. `before` is the id of the last row already seen. */
export async function listReleases(
  db: Db,
  projectId: string,
  page: { route: string | null; before: string | null; limit: number },
): Promise<ReleaseRow[]> {
  return await db
    .select()
    .from(releases)
    .where(
      and(
        eq(releases.projectId, projectId),
        page.route === null ? undefined : eq(releases.route, page.route),
        page.before === null ? undefined : lt(releases.id, page.before),
      ),
    )
    .orderBy(desc(releases.id))
    .limit(page.limit)
}

export async function findLabel(
  db: Db,
  projectId: string,
  route: string,
  label: string,
): Promise<LabelRow | null> {
  const rows = await db
    .select()
    .from(labels)
    .where(and(eq(labels.projectId, projectId), eq(labels.route, route), eq(labels.label, label)))
  return rows[0] ?? null
}

/** Labels of a project by route and name, of one route or of all, at most `limit`. */
export async function listLabels(
  db: Db,
  projectId: string,
  page: { route: string | null; limit: number },
): Promise<LabelRow[]> {
  return await db
    .select()
    .from(labels)
    .where(
      and(eq(labels.projectId, projectId), page.route === null ? undefined : eq(labels.route, page.route)),
    )
    .orderBy(asc(labels.route), asc(labels.label))
    .limit(page.limit)
}

/** A label whose release has the prompt. */
export type PromptPin = { route: string; label: string; version: number }

/** Every label of a project whose stable release has a prompt of this name: what a canary serves is on trial. */
export async function listPins(db: Db, projectId: string, prompt: string): Promise<PromptPin[]> {
  const pinned = sql`${releases.content}::json -> 'prompt'`
  return await db
    .select({
      route: labels.route,
      label: labels.label,
      version: sql<number>`(${pinned} ->> 'version')::integer`,
    })
    .from(labels)
    .innerJoin(releases, and(eq(releases.projectId, labels.projectId), eq(releases.id, labels.releaseId)))
    .where(and(eq(labels.projectId, projectId), sql`${pinned} ->> 'name' = ${prompt}`))
    .orderBy(asc(labels.route), asc(labels.label))
}

/** Wakes every gateway, when and only when the transaction commits; those that cannot listen poll the counter. */
export async function announceRegistryChange(db: Db): Promise<void> {
  await db
    .update(changeCounters)
    .set({ version: sql`${changeCounters.version} + 1` })
    .where(eq(changeCounters.subject, SUBJECT))
  await db.execute(sql`SELECT pg_notify(${REGISTRY_CHANNEL}, '')`)
}

/** The counter of changes; 0 before the first. */
export async function readRegistryVersion(db: Db): Promise<bigint> {
  const rows = await db
    .select({ version: changeCounters.version })
    .from(changeCounters)
    .where(eq(changeCounters.subject, SUBJECT))
  return rows[0]?.version ?? 0n
}

/** Rows of every project after an id, in order of ids: what a gateway loads, page by page. */
export async function pageOfReleases(
  db: Db,
  after: string,
  limit: number,
): Promise<Omit<ReleaseRow, 'createdBy' | 'createdByName' | 'createdByPerson' | 'createdAt'>[]> {
  const { id, projectId, route, number, hash, content } = releases
  return await db
    .select({ id, projectId, route, number, hash, content })
    .from(releases)
    .where(gt(releases.id, after))
    .orderBy(asc(releases.id))
    .limit(limit)
}

/**
 * Every label of every project that points where its decision says, at most `limit`: one that somebody has moved by other means
 * serves nothing.
 */
export async function allLabels(db: Db, limit: number): Promise<Omit<LabelRow, 'decisionId' | 'movedAt'>[]> {
  const { projectId, route, label, releaseId, canaryReleaseId, canaryWeight } = labels
  return await db
    .select({ projectId, route, label, releaseId, canaryReleaseId, canaryWeight })
    .from(labels)
    .innerJoin(decisions, and(eq(decisions.id, labels.decisionId), asDecided))
    .limit(limit)
}

/** Labels that point somewhere else than their decision says, those of every project. */
export async function forgedLabels(
  db: Db,
  limit: number,
): Promise<{ projectId: string; route: string; label: string }[]> {
  return await db
    .select({ projectId: labels.projectId, route: labels.route, label: labels.label })
    .from(labels)
    .leftJoin(decisions, and(eq(decisions.id, labels.decisionId), asDecided))
    .where(isNull(decisions.id))
    .limit(limit)
}

const asDecided = and(
  eq(decisions.projectId, labels.projectId),
  eq(decisions.route, labels.route),
  eq(decisions.label, labels.label),
  eq(decisions.toReleaseId, labels.releaseId),
  sql`${decisions.canaryReleaseId} IS NOT DISTINCT FROM ${labels.canaryReleaseId}`,
  sql`${decisions.canaryWeight} IS NOT DISTINCT FROM ${labels.canaryWeight}`,
)

/** How far an index version is; null when the project has none of that name and number. */
export async function indexState(
  db: Db,
  projectId: string,
  { name, version }: { name: string; version: number },
): Promise<string | null> {
  const rows = await db
    .select({ state: indexBuilds.state })
    .from(indexVersions)
    .innerJoin(indexBuilds, eq(indexBuilds.indexId, indexVersions.id))
    .where(
      and(
        eq(indexVersions.projectId, projectId),
        eq(indexVersions.name, name),
        eq(indexVersions.version, version),
      ),
    )
  return rows[0]?.state ?? null
}
