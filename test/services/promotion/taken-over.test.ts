/** Evidence with answers of earlier runs: it is as old as the oldest of them, whenever the run itself ended. */

import { expect, test } from 'vitest'
import type { ExecuteDeps } from '../../../src/evals/runs/execute.ts'
import { parseRunContent } from '../../../src/evals/runs/run-content.ts'
import { findRunById, type RunRow } from '../../../src/evals/runs/run-rows.ts'
import type { PromotionVerdict } from '../../../src/promotion/evidence/verdict.ts'
import { OPEN } from '../../../src/promotion/policy.ts'
import { listPromotionRuns, type PromotionRow } from '../../../src/promotion/requests/store.ts'
import { describeDatabases } from '../../support/database.ts'
import { aSuite, begin, echo, execute, scriptedAsk } from '../../support/eval-runs.ts'
import { CAREFUL, CARLA, releaseOf, stageOf } from '../../support/promoted.ts'

const MINUTE_MS = 60_000
/** Everybody is who they are called. */
const byName: ExecuteDeps['answererOf'] = (_project, model) => model

describeDatabases('evidence that rests on earlier answers', (open) => {
  /** Somebody's run of r2 that took all its answers over from one that other scorers had judged, so long ago. */
  async function taken(route: string, ageMs: number) {
    const text = `dataset: ${route}\nsubject: ${route}@production\nscorers: [equals]\ncache: true\n`
    const stage = stageOf(open, route, { right: () => 0.95, readSuite: async () => aSuite(text, 'numbers') })
    await releaseOf(open(), route)
    await releaseOf(open(), route)
    await stage.items()
    await stage.advance(await stage.request(1, OPEN))
    const { ask, asked } = scriptedAsk((question) => ({ output: echo(question), cost: 1n, free: false }))
    const earlier = text.replace('[equals]', '[equals, refusal]')
    const runOf = async (suite: string) => {
      const { candidate } = await begin(open(), aSuite(suite, 'numbers'), { release: 'r2' })
      await execute(open(), candidate.id, ask, { answererOf: byName })
      return candidate
    }
    const first = await runOf(earlier)
    await open().sql`
      UPDATE eval_results SET created_at = created_at - make_interval(secs => ${ageMs / 1000}) WHERE run_id = ${first.id}`
    const second = await runOf(text)
    expect(asked.length).toBe(100)
    return { ...stage, run: second }
  }
  const evidenceOf = async ({ id }: PromotionRow) => (await listPromotionRuns(open().db, [id]))[0]?.runId
  const rowOf = async (id: string | undefined): Promise<RunRow | null> =>
    id === undefined ? null : await findRunById(open().sql, id)

  test('counts while all of them are as fresh as the policy demands, and the verdict and the card say so', async () => {
    const { run, request, advance, asked } = await taken('fresh-answers', 30 * MINUTE_MS)

    const row = await advance(await request(2, CAREFUL))

    expect(row).toMatchObject({ state: 'waiting', outcome: 'pass' })
    expect(await evidenceOf(row)).toBe(run.id)
    // Only what the label serves now was asked for the promotion.
    expect(new Set(asked)).toEqual(new Set([1]))
    const { suites } = JSON.parse(row.verdict ?? '') as PromotionVerdict
    expect(suites[0]?.candidate.takenOver).toMatchObject({ answers: 100, judgements: 0 })
    expect(suites[0]?.baseline?.takenOver).toBeUndefined()
    const [card] = await open().sql<{ content: string }[]>`
      SELECT content FROM model_cards WHERE promotion_id = ${row.id}`
    expect(JSON.parse(card?.content ?? '').evaluation.suites[0].taken_over).toMatchObject({
      answers: 100,
      judgements: 0,
      oldest_at: suites[0]?.candidate.takenOver?.oldestAt,
    })
  })

  test('is none once one of them is older, although the run has just ended: the release is asked again', async () => {
    const { run, request, advance, asked } = await taken('stale-answers', 90 * MINUTE_MS)

    const row = await advance(await request(2, CAREFUL))

    expect(row).toMatchObject({ state: 'waiting', outcome: 'pass' })
    expect(asked.filter((release) => release === 2).length).toBe(100)
    const evidence = await rowOf(await evidenceOf(row))
    expect(evidence?.id).not.toBe(run.id)
    // The run that the promotion begins may take over what stays fresh until somebody has approved it.
    expect(parseRunContent(evidence?.content ?? '{}').cache).toEqual({ maxAgeMs: 30 * MINUTE_MS })
  })

  test('that ages while somebody thinks about it moves nothing', async () => {
    const { run, request, advance, answer } = await taken('ageing-answers', 30 * MINUTE_MS)
    const row = await advance(await request(2, CAREFUL))
    await open().sql`
      UPDATE eval_results SET cached_at = cached_at - interval '31 minutes' WHERE run_id = ${run.id} AND position = 7`
    await answer(row, CARLA)

    expect(await advance(row)).toMatchObject({
      state: 'expired',
      note: `${run.id} is older by now than the policy allows. Ask again.`,
    })
  })
})
