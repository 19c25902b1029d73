/** Makes runs: fixes what is asked of whom and how it is judged, says beforehand what it takes, and begins. */

import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Actor } from '../../registry/actor.ts'
import { findDataset } from '../datasets/dataset-versions.ts'
import { prepareScorer } from '../scorers/registry.ts'
import { type Suite, type SuiteScorer, scorerProblems } from '../suites/suite.ts'
import {
  measureHash,
  type RunContent,
  type RunScorer,
  runContent,
  type Subject,
  subjectText,
} from './run-content.ts'
import { findAlike, findRun, findRunByKey, insertRun, type RunRow } from './run-rows.ts'
import { resolveSubject, type SubjectDeps } from './subject.ts'

export type CreateRunDeps = SubjectDeps & { sql: Sql; clock: Clock }
export type RunWish = {
  suite: Suite
  /** `r13` or a label, in place of the suite's own. */
  release: string | null
  /** A label, `r12`, or `run_…`: what the candidate is compared with. */
  against: string | null
}
export type PlannedRun = { content: RunContent; subject: string; measure: string }
export type RunPlan = {
  candidate: PlannedRun
  /** `run`: a finished run that was measured in the same way; null when it has to be run. */
  baseline: (PlannedRun & { run: RunRow | null }) | null
  items: number
}

/** Throws RequestError for a dataset, subject, scorer or baseline that is not there, and for a suite that cannot be run. */
export async function planRun(deps: CreateRunDeps, projectId: string, wish: RunWish): Promise<RunPlan> {
  const { suite } = wish
  const [problem] = scorerProblems(suite)
  if (problem !== undefined) throw new RequestError('invalid_value', problem, { param: 'scorers' })
  const scorers = suite.scorers.map(fixScorer)
  const dataset = await datasetOf(deps.sql, projectId, suite)
  const subject = await resolveSubject(deps, projectId, suite.subject, wish.release)
  const { id, name, version, hash } = dataset
  const { split, repeats, concurrency, timeoutMs, coverage, alpha, seed, parameters } = suite
  const sent = Object.keys(parameters).length > 0 ? { parameters } : {}
  const fixed = { split, repeats, concurrency, timeoutMs, coverage, alpha, seed, ...sent }
  const inBatches = suite.batch ? { batch: true as const } : {}
  const takingOver = suite.cache === null ? {} : { cache: suite.cache }
  const content = {
    suite: suite.name,
    dataset: { id, name, version, hash },
    subject,
    scorers,
    ...fixed,
    ...inBatches,
    ...takingOver,
  }
  const candidate = planned(content)
  return {
    candidate,
    baseline: await baselineOf(deps, projectId, wish, candidate),
    items: await countItems(deps.sql, dataset.id, projectId, split),
  }
}

/** Throws RequestError that names the scorer, for a kind or a setting that is none. */
export function fixScorer({ name, kind, settings, gates }: SuiteScorer, at: number): RunScorer {
  try {
    const { version, values, better, judge } = prepareScorer({ kind, settings })
    return { name, kind, version, settings, values, better, ...(judge && { judge }), gates }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    const param = `scorers.${at}.${error.param?.replace(/^settings\./, '') ?? kind}`
    throw new RequestError(error.code, `scorers.${at} (${name}): ${error.message}`, { param, cause: error })
  }
}

function planned(content: RunContent): PlannedRun {
  return { content, subject: subjectText(content.subject), measure: measureHash(content) }
}

async function datasetOf(sql: Sql, projectId: string, { dataset, split }: Suite) {
  const ref = dataset.version === null ? dataset.name : `${dataset.name}@${dataset.version}`
  const found = await findDataset(sql, projectId, ref)
  if (found !== null) return found
  const message = `There is no dataset ${JSON.stringify(ref)}${split === null ? '' : ` to take the split "${split}" of`}. aval dataset list shows what there is; aval dataset push adds one.`
  throw new RequestError('not_found', message, { param: 'dataset' })
}

async function countItems(
  sql: Sql,
  datasetId: string,
  projectId: string,
  split: string | null,
): Promise<number> {
  const [row] = await sql<{ items: number }[]>`
    SELECT count(*)::integer AS items FROM dataset_version_items p
    JOIN dataset_items i ON i.project_id = ${projectId} AND i.hash = p.hash
    WHERE p.dataset_id = ${datasetId} AND (${split}::text IS NULL OR i.content::jsonb ->> 'split' = ${split})`
  const items = row?.items ?? 0
  if (items > 0) return items
  const lacks = split === null ? 'items' : `item of the split "${split}"`
  throw new RequestError('invalid_value', `The dataset has no ${lacks}.`, {
    param: split === null ? 'dataset' : 'split',
  })
}

async function baselineOf(
  deps: CreateRunDeps,
  projectId: string,
  { suite, against }: RunWish,
  candidate: PlannedRun,
): Promise<RunPlan['baseline']> {
  if (against === null) return null
  if (against.startsWith('run_')) {
    const run = await findRun(deps.sql, projectId, against)
    if (run === null) {
      throw new RequestError(
        'not_found',
        `There is no run ${JSON.stringify(against.slice(0, 60))}. aval eval history lists them.`,
        {
          param: 'against',
        },
      )
    }
    return { ...candidate, subject: run.subject, measure: run.measureHash, run }
  }
  const subject: Subject = await resolveSubject(deps, projectId, suite.subject, against)
  const other = planned({ ...candidate.content, subject })
  if (other.subject === candidate.subject) {
    const message = `${candidate.subject} would be compared with itself. Name another release: --release, or another label: --against`
    throw new RequestError('invalid_value', message, { param: 'against' })
  }
  const run = await findAlike(deps.sql, { projectId, measureHash: other.measure, subject: other.subject })
  return { ...other, run }
}

export type RunOrder = {
  plan: RunPlan
  budget: bigint | null
  tags: readonly string[]
  note: string | null
  gitCommit: string | null
  idempotencyKey: string | null
}

/** The candidate's run, and the baseline's: one that was there already, or a new one. `created` says which are new. */
export type CreatedRuns = { candidate: RunRow; baseline: RunRow | null; created: RunRow[] }

export async function createRuns(deps: CreateRunDeps, author: Actor, order: RunOrder): Promise<CreatedRuns> {
  const { plan } = order
  const candidate = await createRun(deps, author, plan.candidate, order)
  const other = plan.baseline
  if (other === null) return { candidate: candidate.row, baseline: null, created: onlyNew([candidate]) }
  if (other.run !== null)
    return { candidate: candidate.row, baseline: other.run, created: onlyNew([candidate]) }
  const key = order.idempotencyKey === null ? null : `${order.idempotencyKey} baseline`
  const baseline = await createRun(deps, author, other, { ...order, idempotencyKey: key })
  return { candidate: candidate.row, baseline: baseline.row, created: onlyNew([candidate, baseline]) }
}

function onlyNew(runs: readonly { row: RunRow; created: boolean }[]): RunRow[] {
  return runs.filter(({ created }) => created).map(({ row }) => row)
}

async function createRun(
  { sql, clock }: CreateRunDeps,
  author: Actor,
  { content, subject, measure }: PlannedRun,
  { budget, tags, note, gitCommit, idempotencyKey }: RunOrder,
): Promise<{ row: RunRow; created: boolean }> {
  const nowMs = clock.nowMs()
  const { text, hash } = runContent(content)
  const id = newId('run', nowMs)
  const inserted = await sql.begin((transaction) =>
    insertRun(
      transaction,
      {
        id,
        projectId: author.projectId,
        suite: content.suite,
        content: text,
        hash,
        measureHash: measure,
        datasetId: content.dataset.id,
        subject,
        releaseId: content.subject.kind === 'release' ? content.subject.id : null,
        repeats: content.repeats,
        scorers: content.scorers.length,
        budget: budget === null ? null : String(budget),
        tags: JSON.stringify(tags),
        note,
        gitCommit,
        idempotencyKey,
        createdBy: author.id,
        createdByName: author.name,
        now: new Date(nowMs).toISOString(),
      },
      content.split,
    ),
  )
  const row =
    inserted === null
      ? await findRunByKey(sql, author.projectId, idempotencyKey ?? '')
      : await findRun(sql, author.projectId, id)
  if (row === null) throw new Error(`The run ${id} is gone.`)
  return { row, created: inserted !== null }
}
