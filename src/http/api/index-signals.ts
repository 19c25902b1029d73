/** /api/indexes/{name}/signals: what the log says of an index in use. Figures of the log, so for auditors and admins. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { type IndexSignals, type Quantiles, readIndexSignals } from '../../audit/usage/retrieval-signals.ts'
import { getIndex } from '../../retrieval/indexes/create.ts'
import { listSnapshotAges, type SnapshotAge } from '../../retrieval/sources/snapshot-age.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import type { IndexesApiDeps } from './indexes.ts'
import {
  answer,
  errorAnswers,
  instantText,
  isoTime,
  pathName,
  purposeText,
  refuseInvalid,
  strictShape,
  toRange,
  written,
} from './validation.ts'

export type IndexSignalsDeps = Pick<IndexesApiDeps, 'sql' | 'clock' | 'record'>

const quantiles = z
  .object({ p5: z.number(), p25: z.number(), p50: z.number(), p75: z.number(), p95: z.number() })
  .nullable()
const part = z.object({
  count: z.number(),
  /** From 0 to 1; null of nothing. */
  share: z.number().nullable(),
})
const versionSchema = z
  .object({
    index: z.string(),
    searched: z.number(),
    /** Requests that ended before their index was searched. */
    unsearched: z.number(),
    /** Searches that gave no passage, as when none reached the release's least score. */
    empty: part,
    without_vectors: part,
    without_words: part,
    /** Of searches with a cosine and of empty ones: those whose best cosine lies below min_score, or that gave nothing. */
    below: z.object({ min_score: z.number(), count: z.number(), share: z.number().nullable() }).nullable(),
    /** Of each search the highest cosine of a passage. */
    best_cosine: quantiles,
    /** Of each search the score of its first passage. */
    first_score: quantiles,
    duration_ms: quantiles,
    /** Null when the source was deleted. */
    source: z
      .object({
        name: z.string(),
        documents: z.number(),
        /** When its documents first stood as they are in the index. */
        snapshot_at: z.string(),
        snapshot_age_seconds: z.number(),
        /** When it was last read with success, or pushed to. */
        synced_at: z.string().nullable(),
      })
      .nullable(),
  })
  .openapi('IndexSignals')
const signalsQuery = strictShape('filter', {
  since: instantText.default('7d'),
  until: instantText.optional(),
  min_score: z.coerce
    .number({ error: 'Write a cosine from -1 to 1.' })
    .min(-1)
    .max(1)
    .optional()
    .openapi({ type: 'number' }),
  purpose: purposeText,
})
const signalsRoute = createRoute({
  method: 'get',
  path: '/indexes/{name}/signals',
  middleware: requireRole('auditor', 'admin'),
  request: {
    query: signalsQuery,
    params: z.object({
      name: pathName('handbook'),
    }),
  },
  responses: {
    200: answer(
      'Version by version, the most searched first: cosines of two models do not compare.',
      z.object({ since: z.string(), until: z.string(), data: z.array(versionSchema) }),
    ),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function indexSignalsApi(deps: IndexSignalsDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid }).openapi(signalsRoute, async (c) => {
    const { name } = c.req.valid('param')
    const { purpose, ...query } = c.req.valid('query')
    const { projectId } = c.var.key
    const nowMs = deps.clock.nowMs()
    const { sinceMs = 0, untilMs = nowMs } = toRange(query, nowMs)
    await getIndex(deps.sql, projectId, { name, version: null })
    const minScore = query.min_score ?? null
    const span = { projectId, index: name, sinceMs, untilMs, minScore }
    const versions = await readIndexSignals(deps.sql, span)
    const ages = await listSnapshotAges(deps.sql, projectId, name)
    const detail = { filters: written(query), rows: versions.length }
    await deps.record.access(c.var.key, { action: 'index.signals', target: name, purpose, detail })
    const ageOf = new Map(ages.map((age) => [`${name}@${age.version}`, age]))
    return c.json(
      {
        since: new Date(sinceMs).toISOString(),
        until: new Date(untilMs).toISOString(),
        data: versions.map((one) => toWire(one, { minScore, nowMs, age: ageOf.get(one.index) ?? null })),
      },
      200,
    )
  })
}

function toWire(
  signals: IndexSignals,
  { minScore, nowMs, age }: { minScore: number | null; nowMs: number; age: SnapshotAge | null },
): z.infer<typeof versionSchema> {
  const { searched, empty, compared, below } = signals
  const part = (count: number, of: number) => ({ count, share: of === 0 ? null : count / of })
  return {
    index: signals.index,
    searched,
    unsearched: signals.unsearched,
    empty: part(empty, searched),
    without_vectors: part(signals.withoutVectors, searched),
    without_words: part(signals.withoutWords, searched),
    below:
      minScore === null || below === null
        ? null
        : { min_score: minScore, ...part(below + empty, compared + empty) },
    best_cosine: copied(signals.cosine),
    first_score: copied(signals.score),
    duration_ms: copied(signals.durationMs),
    source: age === null ? null : toSource(age, nowMs),
  }
}

function copied(points: Quantiles): z.infer<typeof quantiles> {
  return points === null ? null : { ...points }
}

function toSource({ source, documents, snapshotAt, syncedAt }: SnapshotAge, nowMs: number) {
  const at = isoTime(snapshotAt)
  return {
    name: source,
    documents,
    snapshot_at: at,
    snapshot_age_seconds: Math.max(0, Math.round((nowMs - Date.parse(at)) / 1000)),
    synced_at: syncedAt === null ? null : isoTime(syncedAt),
  }
}
