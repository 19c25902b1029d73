import { afterEach, describe, expect, test } from 'vitest'
import { makeReport } from '../../../src/evals/reports/make-report.ts'
import { calibrationOf } from '../../../src/evals/reviews/calibrate.ts'
import { parseCalibration, readEvidence } from '../../../src/evals/reviews/judge-evidence.ts'
import { calibrate } from '../../../src/evals/reviews/record-calibration.ts'
import {
  adjudicateTask,
  allTasks,
  getQueue,
  importRatings,
  nextTask,
  parseQueueContent,
  progressOf,
  rateTask,
  skipTask,
} from '../../../src/evals/reviews/review.ts'
import { findRun } from '../../../src/evals/runs/run-rows.ts'
import { verdictOf } from '../../../src/evals/runs/verdict.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { describeDatabases } from '../../support/database.ts'
import { AUTHOR } from '../../support/eval-runs.ts'
import { aJudgedRun, aQueue, JUDGED, person, rateAll } from '../../support/reviews.ts'

describeDatabases('a review queue', (open) => {
  afterEach(() => open().truncate())

  const deps = () => ({
    sql: open().sql,
    clock: systemClock,
    figure: async (...given: Parameters<typeof calibrationOf>) => calibrationOf(...given),
  })
  const progress = async (queue: Parameters<typeof allTasks>[1]) =>
    progressOf(await allTasks(open().sql, queue), parseQueueContent(queue))
  const said = (number: number, value: 'yes' | 'no' | number, note: string | null = null) => ({
    number,
    value,
    note,
  })

  test('is a random sample of what the judge judged, the same for the same seed', async () => {
    const run = await aJudgedRun(open(), 20)

    const first = await aQueue(open(), { run, tasks: 5, seed: 7 })
    const again = await aQueue(open(), { run, tasks: 5, seed: 7, name: 'again' })
    const other = await aQueue(open(), { run, tasks: 5, seed: 8, name: 'other' })
    const places = async (queue: typeof first) =>
      (await allTasks(open().sql, queue)).map(({ position }) => position)

    expect(parseQueueContent(first)).toMatchObject({
      drawnFrom: 20,
      question: 'Greets.',
      scale: { kind: 'yes-no' },
    })
    expect(await places(again)).toEqual(await places(first))
    expect(await places(other)).not.toEqual(await places(first))
    expect(new Set(await places(first)).size).toBe(5)
    await expect(aQueue(open(), { run })).rejects.toThrow(/already/)
    await expect(getQueue(open().sql, 'prj_other', 'polite')).rejects.toThrow(/no review queue "polite"/)
  })

  test('hands each task to k different people, and to none of them what the judge said', async () => {
    const run = await aJudgedRun(open(), 3)
    const queue = await aQueue(open(), { run, reviewers: 2 })

    const shown = await nextTask(deps(), queue, person('anna'))
    const again = await nextTask(deps(), queue, person('anna'))
    await Promise.all(['anna', 'ben', 'cleo', 'dan'].map((name) => rateAll(open(), queue, name)))

    const tasks = await allTasks(open().sql, queue)
    expect(again).toEqual(shown)
    expect(JSON.stringify(shown)).not.toMatch(/So it is|meets|passed/)
    expect(tasks.map(({ ratings }) => new Set(ratings.map((one) => one.person)).size)).toEqual([2, 2, 2])
    expect(await progress(queue)).toMatchObject({ settled: 3, open: 0, ratings: 6 })
    expect(await nextTask(deps(), queue, person('eve'))).toBeNull()
  })

  test('gives one of two who race for the last place another task, and nobody a third place', async () => {
    const run = await aJudgedRun(open(), 12)
    const queue = await aQueue(open(), { run, reviewers: 3 })
    const names = Array.from({ length: 9 }, (_, at) => `p${at}`)

    const handed = await Promise.all(names.map((name) => nextTask(deps(), queue, person(name))))

    const counts = new Map<number, number>()
    for (const task of handed) counts.set(task?.number ?? 0, (counts.get(task?.number ?? 0) ?? 0) + 1)
    expect([...counts].toSorted(([a], [b]) => a - b)).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ])
  })

  test('gives a place away that nobody rated from in time, and then takes no rating from who had it', async () => {
    const run = await aJudgedRun(open(), 1)
    const queue = await aQueue(open(), { run })
    let nowMs = Date.now()
    const later = { sql: open().sql, clock: { ...systemClock, nowMs: () => nowMs } }

    await nextTask(later, queue, person('anna'))
    const early = await nextTask(later, queue, person('ben'))
    nowMs += 31 * 60_000
    const late = await nextTask(later, queue, person('ben'))

    expect(early).toBeNull()
    expect(late?.number).toBe(1)
    await expect(rateTask(later, queue, person('anna'), said(1, 'yes'))).rejects.toThrow(/not yours/)
  })

  test('keeps what was said before a correction, and lets no row be changed by SQL', async () => {
    const run = await aJudgedRun(open(), 2)
    const queue = await aQueue(open(), { run })
    await nextTask(deps(), queue, person('anna'))
    await rateTask(deps(), queue, person('anna'), said(1, 'yes'))
    const corrected = await rateTask(deps(), queue, person('anna'), said(1, 'no', 'no greeting'))
    await calibrate(deps(), AUTHOR, queue)
    const { sql } = open()

    const history = await sql`SELECT revision, value, note FROM review_ratings ORDER BY revision`

    expect(corrected.revision).toBe(2)
    expect([...history]).toEqual([
      { revision: 1, value: 1, note: null },
      { revision: 2, value: 0, note: 'no greeting' },
    ])
    for (const table of ['review_queues', 'review_tasks', 'review_ratings', 'review_calibrations']) {
      await expect(sql.unsafe(`DELETE FROM ${table}`)).rejects.toThrow('never changed or removed')
    }
    await expect(sql`UPDATE review_ratings SET value = 1`).rejects.toThrow('never changed or removed')
    await expect(sql`DELETE FROM review_places`).rejects.toThrow(/review_ratings/)
  })

  test('hands what one skipped to somebody else, and never again to them', async () => {
    const run = await aJudgedRun(open(), 2)
    const queue = await aQueue(open(), { run })
    await nextTask(deps(), queue, person('anna'))

    await skipTask(deps(), queue, person('anna'), { number: 1, reason: 'in Finnish' })
    const after = await nextTask(deps(), queue, person('anna'))
    const other = await nextTask(deps(), queue, person('ben'))

    expect([after?.number, other?.number]).toEqual([2, 1])
    expect(await progress(queue)).toMatchObject({ skips: 1, begun: 2, ratings: 0 })
    await expect(skipTask(deps(), queue, person('ben'), { number: 2, reason: 'x' })).rejects.toThrow(
      /handed to you/,
    )
  })

  test('lets somebody who rated nothing of it settle a dispute, and the database nobody else', async () => {
    const run = await aJudgedRun(open(), 1)
    const queue = await aQueue(open(), { run, reviewers: 2 })
    await rateAll(open(), queue, 'anna', () => 'yes')
    const early = adjudicateTask(deps(), queue, person('cleo'), said(1, 'no'))
    await expect(early).rejects.toThrow(/waits for reviewers/)
    await rateAll(open(), queue, 'ben', () => 'no')
    const disputed = await progress(queue)

    const own = adjudicateTask(deps(), queue, person('anna'), said(1, 'yes'))
    await expect(own).rejects.toThrow(/Somebody who did not/)
    await adjudicateTask(deps(), queue, person('cleo'), said(1, 'no'))
    const other = adjudicateTask(deps(), queue, person('dan'), said(1, 'yes'))

    await expect(other).rejects.toThrow(/is settled/)
    const by = open().sql`
      INSERT INTO review_places (queue_id, number, place, person, held_until)
      VALUES (${queue.id}, 1, 3, 'vk_cleo', now())`
    await expect(by).rejects.toThrow(/review_places_queue_id_number_person_key/)
    expect([disputed.disputed, (await progress(queue)).settled]).toEqual([1, 1])
  })

  test('takes a second key of one owner for the same person: one place, and no say in their own dispute', async () => {
    const run = await aJudgedRun(open(), 1)
    const queue = await aQueue(open(), { run, reviewers: 2 })
    const laptop = { ...person('laptop'), person: 'anna' }
    const phone = { ...person('phone'), person: 'anna' }
    await nextTask(deps(), queue, laptop)

    await rateTask(deps(), queue, phone, said(1, 'yes'))
    const second = await nextTask(deps(), queue, phone)
    await rateAll(open(), queue, 'ben', () => 'no')
    const own = adjudicateTask(deps(), queue, phone, said(1, 'yes'))

    expect(second).toBeNull()
    await expect(own).rejects.toThrow(/You rated task 1 yourself/)
    const kept = await open().sql`SELECT person, created_by FROM review_ratings ORDER BY person`
    expect([...kept]).toEqual([
      { person: 'anna', created_by: 'vk_phone' },
      { person: 'vk_ben', created_by: 'vk_ben' },
    ])
  })

  test('takes ratings of elsewhere whole or not at all, and the same ones once', async () => {
    const run = await aJudgedRun(open(), 4)
    const queue = await aQueue(open(), { run, reviewers: 2 })
    const row = (item: string, reviewer: string, value: 'yes' | 'no' | number = 'yes') => ({
      item,
      repeat: 0,
      reviewer,
      value,
      note: null,
    })
    const bring = (...rows: ReturnType<typeof row>[]) => importRatings(deps(), queue, AUTHOR, rows)

    const first = await bring(row('q0', 'anna'), row('q0', 'ben'), row('q1', 'anna', 'no'))
    const again = await bring(row('q0', 'anna'), row('q1', 'anna', 'yes'))

    expect(first).toEqual({ added: 3, unchanged: 0 })
    expect(again).toEqual({ added: 1, unchanged: 1 })
    await expect(bring(row('q2', 'anna'), row('q0', 'cleo'))).rejects.toThrow(/ratings\.1: task \d has its 2/)
    await expect(bring(row('q9', 'anna'))).rejects.toThrow(/no item "q9"/)
    await expect(bring(row('q2', 'anna', 4))).rejects.toThrow(/"yes" or "no"/)
    expect(await progress(queue)).toMatchObject({ settled: 1, ratings: 3 })
  })
})

describeDatabases('a judge', (open) => {
  afterEach(() => open().truncate())

  const deps = () => ({
    sql: open().sql,
    clock: systemClock,
    figure: async (...given: Parameters<typeof calibrationOf>) => calibrationOf(...given),
  })
  const report = async (id: string) =>
    await makeReport(
      { sql: open().sql, reckon: async (...given) => verdictOf(...given) },
      (await findRun(open().sql, AUTHOR.projectId, id))!,
      null,
    )

  /** It errs at one answer of sixteen. */
  const calibrated = async (yaml = JUDGED) => {
    const run = await aJudgedRun(open(), 96, { isWrong: (at) => at % 16 === 3, yaml })
    const queue = await aQueue(open(), { run, tasks: 60 })
    await rateAll(open(), queue, 'anna')
    return { run, queue, row: await calibrate(deps(), AUTHOR, queue) }
  }

  describe('that people agree with', () => {
    test('decides, by what people would have said of its own run, and says by which calibration', async () => {
      const before = await aJudgedRun(open(), 96, { isWrong: (at) => at % 16 === 3 })
      const uncalibrated = (await report(before)).verdict
      await open().truncate()

      const { run, row } = await calibrated()
      const { verdict } = await report(run)
      const [polite] = verdict.scorers

      expect(uncalibrated).toMatchObject({ verdict: 'inconclusive', scorers: [{ decides: false }] })
      expect(row.qualifies).toBe(true)
      expect(parseCalibration(row).figures).toMatchObject({ truths: 60, misses: [] })
      expect(polite).toMatchObject({
        decides: true,
        calibration: { id: row.id, qualifies: true, truths: 60 },
        corrected: { method: 'ppi@1', truths: 60 },
      })
      expect(polite?.estimate?.estimate).toBeCloseTo(54 / 96, 10)
      expect(Math.abs((polite?.corrected?.estimate ?? 0) - 0.5)).toBeLessThan(0.03)
    })

    test('decides in other runs by its rates, under any name, and not by other rules or in other projects', async () => {
      const { row } = await calibrated()
      const renamed = await aJudgedRun(open(), 96, { yaml: JUDGED.replace('polite', 'greets') })
      const reworded = await aJudgedRun(open(), 96, { yaml: JUDGED.replace('Greets.', 'Greets!') })

      const [same] = (await report(renamed)).verdict.scorers
      const [other] = (await report(reworded)).verdict.scorers

      expect(same).toMatchObject({
        decides: true,
        calibration: { id: row.id },
        corrected: { method: 'rogan-gladen@1' },
      })
      expect(other).toMatchObject({ decides: false, calibration: null, corrected: null })
      const foreign = { ...(await findRun(open().sql, AUTHOR.projectId, renamed))!, projectId: 'prj_other' }
      expect((await readEvidence(open().sql, foreign)).size).toBe(0)
    })

    test('decides no more once a newer calibration does not qualify it', async () => {
      const { run } = await calibrated()
      const thin = await aQueue(open(), { run, tasks: 20, name: 'thin' })
      await rateAll(open(), thin, 'anna')
      const newer = await calibrate(deps(), AUTHOR, thin)

      const { verdict } = await report(run)

      expect(newer.qualifies).toBe(false)
      expect(verdict.scorers[0]).toMatchObject({ decides: false, calibration: { id: newer.id } })
      expect(verdict.reasons.join(' ')).toMatch(/20 truths, and 30 are needed/)
    })
  })
})
