import { afterEach, describe, expect, test } from 'vitest'
import { makeReport } from '../../../src/evals/reports/make-report.ts'
import { factsOf } from '../../../src/evals/reports/report.ts'
import { countResults } from '../../../src/evals/runs/count-results.ts'
import { planRun } from '../../../src/evals/runs/create-run.ts'
import type { ExecuteDeps } from '../../../src/evals/runs/execute.ts'
import { forecast } from '../../../src/evals/runs/forecast.ts'
import { forgetErrors, readJudged } from '../../../src/evals/runs/result-rows.ts'
import { findRun, moveRun, type RunRow } from '../../../src/evals/runs/run-rows.ts'
import { countThere } from '../../../src/evals/runs/taken-over/count-there.ts'
import { verdictOf } from '../../../src/evals/runs/verdict.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { describeDatabases } from '../../support/database.ts'
import {
  AUTHOR,
  aDataset,
  aSuite,
  begin,
  echo,
  execute,
  numbered,
  scriptedAsk,
} from '../../support/eval-runs.ts'

const SUITE = `
dataset: questions
subject: up/m
repeats: 2
scorers: [equals]
cache: true
`
const JUDGED = `
dataset: questions
subject: up/m
scorers:
  - { name: polite, kind: closed-qa, criterion: Polite., model: up/judge }
  - { name: brief, kind: closed-qa, criterion: Brief., model: up/judge }
cache: true
`
const DAY_MS = 86_400_000
/** Everybody is who they are called. */
const byName: ExecuteDeps['answererOf'] = (_project, model) => model

describeDatabases('a run that takes over', (open) => {
  afterEach(() => open().truncate())

  /** Answers at a cost of their own, so that it can be seen which one was taken; judges say yes. */
  const upstream = () =>
    scriptedAsk((question, _before, { body }) =>
      body.model === 'up/judge'
        ? { output: '{"reason":"Yes.","meets":"Y"}', cost: 7n, free: false }
        : { output: echo(question), cost: 100n, free: false },
    )
  const aRun = async (yaml = SUITE, items = numbered(5)) => {
    await aDataset(open(), 'questions', items)
    return (await begin(open(), aSuite(yaml))).candidate
  }
  const work = async (
    run: RunRow,
    { ask }: Pick<ReturnType<typeof scriptedAsk>, 'ask'>,
    more: Parameters<typeof execute>[3] = {},
  ) => await execute(open(), run.id, ask, { answererOf: byName, ...more })
  const countsOf = async ({ id }: RunRow) => await countResults(open().sql, id)
  const judged = async (run: RunRow) => await readJudged(open().sql, run, null, 1000)
  const rowOf = async ({ id }: RunRow) => (await findRun(open().sql, AUTHOR.projectId, id))!
  const later = (ms: number) => ({ ...systemClock, nowMs: () => Date.now() + ms })
  const age = async (run: RunRow, ms: number) => {
    const seconds = ms / 1000
    await open().sql`
      UPDATE eval_results SET created_at = created_at - make_interval(secs => ${seconds}) WHERE run_id = ${run.id}`
  }

  test('asks nobody for what an earlier run has asked, and pays nothing for it', async () => {
    const up = upstream()
    const [first, second] = [await aRun(), await aRun()]
    await work(first, up)
    const before = up.asked.length

    const outcome = await work(second, up)

    const [own, taken] = [await judged(first), await judged(second)]
    expect(outcome).toBe('done')
    expect([before, up.asked.length]).toEqual([10, 10])
    expect(taken.map(({ result }) => result.output)).toEqual(own.map(({ result }) => result.output))
    expect(taken.map(({ result }) => result.cachedFrom)).toEqual(own.map(({ result }) => result.requestId))
    expect(taken[0]?.result).toMatchObject({ requestId: null, latencyMs: null, cost: '100', tries: 0 })
    expect(taken.every(({ scores }) => scores[0]?.value === 1)).toBe(true)
    expect(await countsOf(first)).toMatchObject({ cost: '1000', takenOver: null })
    expect(await countsOf(second)).toMatchObject({
      answered: 10,
      judged: 10,
      cost: '0',
      unpriced: 0,
      takenOver: { answers: 10, judgements: 0, saved: '1000', oldestAt: expect.any(String) },
    })
  })

  test('points at who was asked, and does not make an answer younger', async () => {
    const up = upstream()
    const runs = [await aRun(), await aRun(), await aRun()] as const
    await work(runs[0], up)
    await age(runs[0], 5 * DAY_MS)

    await work(runs[1], up)
    await work(runs[2], up)

    const originals = (await judged(runs[0])).map(({ result }) => result.requestId)
    const [second, third] = [await judged(runs[1]), await judged(runs[2])]
    expect(third.map(({ result }) => result.cachedFrom)).toEqual(originals)
    expect(third.map(({ result }) => result.cachedAt)).toEqual(second.map(({ result }) => result.cachedAt))
    // Five days and three: the original is too old by then, and the copies with it.
    const fourth = await aRun()
    await work(fourth, up, { clock: later(3 * DAY_MS) })
    expect((await countsOf(fourth)).takenOver).toBeNull()
    expect(up.asked.length).toBe(20)
  })

  test('asks only for the repeats that are new', async () => {
    const up = upstream()
    await work(await aRun(), up)

    const more = await aRun(SUITE.replace('repeats: 2', 'repeats: 4'))
    await work(more, up)

    const asked = up.asked.slice(10)
    expect(asked.toSorted()).toEqual(
      numbered(5)
        .flatMap(({ input }) => [input, input])
        .toSorted(),
    )
    const taken = (await judged(more)).filter(({ result }) => result.cachedFrom !== null)
    expect(taken.map(({ repeat }) => repeat)).toEqual(Array(5).fill([0, 1]).flat())
  })

  test('gives two items that ask the same two answers, as the earlier run had two', async () => {
    const up = scriptedAsk((_question, before) => ({ output: `answer ${before}`, cost: 1n, free: false }))
    const alike = [0, 1, 2].map((at) => ({ id: `q${at}`, input: 'The same?' }))
    const suite = `${SUITE.replace('repeats: 2', 'repeats: 1')}concurrency: 1\n`
    await work(await aRun(suite, alike.slice(0, 2)), up)

    const wider = await aRun(suite, alike)
    await work(wider, up)

    const outputs = (await judged(wider)).map(({ result }) => result.output)
    expect(outputs.toSorted()).toEqual(['answer 0', 'answer 1', 'answer 2'])
    expect(up.asked.length).toBe(3)
  })

  test.each<[string, (suite: string) => string, ExecuteDeps['answererOf']]>([
    ['another model is asked', (suite) => suite.replace('up/m', 'up/n'), byName],
    ['its upstream leads elsewhere', (suite) => suite, (_project, model) => `${model} elsewhere`],
    ['nobody can tell who answers', (suite) => suite, () => null],
    ['parameters are others', (suite) => `${suite}parameters: { temperature: 0 }\n`, byName],
    ['a seed is sent', (suite) => `${suite}seed: 7\n`, byName],
    ['the suite does not say so', (suite) => suite.replace('cache: true', 'cache: false'), byName],
    ['it allows no such age', (suite) => suite.replace('true', '{ max_age: 2d }'), byName],
  ])('asks anew where %s', async (_where, change, answererOf) => {
    const up = upstream()
    const first = await aRun()
    await work(first, up)
    await age(first, 3 * DAY_MS)

    const other = await aRun(change(SUITE))
    await work(other, up, { answererOf })

    expect(up.asked.length).toBe(20)
    expect((await countsOf(other)).takenOver).toBeNull()
  })

  test('asks anew for items whose question has changed, and for no others', async () => {
    const up = upstream()
    await work(await aRun(), up)

    await work(
      await aRun(
        SUITE,
        numbered(5, (at) => (at === 3 ? { input: 'And what is 3?' } : {})),
      ),
      up,
    )

    expect(up.asked.slice(10)).toEqual(['And what is 3?', 'And what is 3?'])
  })

  test('never takes over what another project has asked', async () => {
    const up = upstream()
    const theirs = await aRun()
    await work(theirs, up)
    await open().sql`UPDATE eval_runs SET project_id = 'prj_other' WHERE id = ${theirs.id}`

    await work(await aRun(), up)

    expect(up.asked.length).toBe(20)
  })

  test('takes over no error, and asks what failed again when it is told to', async () => {
    let isDown = true
    const up = scriptedAsk((question) =>
      isDown && question.includes('3')
        ? { failure: { code: 'invalid_value' } }
        : { output: echo(question), cost: 100n, free: false },
    )
    await work(await aRun(), up)
    const second = await aRun()
    await work(second, up)
    const whileDown = up.asked.length
    isDown = false

    await open().sql.begin(async (transaction) => {
      await moveRun(transaction, second.id, { from: ['done'], to: 'queued' }, new Date().toISOString())
      await forgetErrors(transaction, second.id)
    })
    await work(second, up)

    expect(whileDown).toBe(12)
    expect(up.asked.length).toBe(14)
    expect(await countsOf(second)).toMatchObject({ answered: 10, cost: '200', takenOver: { answers: 8 } })
  })

  test('takes over nothing that nobody was paid for', async () => {
    const { ask, asked } = scriptedAsk(echo)
    await work(await aRun(), { ask })

    await work(await aRun(), { ask })

    expect(asked.length).toBe(20)
  })

  test('keeps no key where upstreams changed while it was asked', async () => {
    let there = 'one address'
    const up = scriptedAsk((question) => {
      there = 'another address'
      return { output: echo(question), cost: 1n, free: false }
    })
    const suite = SUITE.replace('repeats: 2', 'repeats: 1')
    await work(await aRun(suite, numbered(1)), up, { answererOf: () => there })
    there = 'one address'

    await work(await aRun(suite, numbered(1)), up, { answererOf: () => there })

    expect(up.asked.length).toBe(2)
  })

  test('holds no budget for it: all is there with a budget of nothing', async () => {
    const up = upstream()
    await work(await aRun(), up)

    const outcome = await work(await aRun(`${SUITE}budget_usd: 0\n`), up)

    expect(outcome).toBe('done')
    expect(up.asked.length).toBe(10)
  })

  test('waits for no room at an upstream that it does not call', async () => {
    const up = upstream()
    await work(await aRun(), up)
    const pace = { enter: async () => await Promise.reject(new Error('There is no room.')) }

    expect(await work(await aRun(), up, { pace })).toBe('done')
  })

  test('goes by what its own answers cost when it has a budget', async () => {
    const up = upstream()
    await work(await aRun(SUITE, numbered(5)), up)
    // Five more items × 2 at 100 each, with what 4 of them cost.
    const run = await aRun(`${SUITE}budget_usd: 0.0004\nconcurrency: 1\n`, numbered(10))

    const outcome = await work(run, up)

    expect(outcome).toBe('stopped')
    expect(await countsOf(run)).toMatchObject({ answered: 14, cost: '400', takenOver: { answers: 10 } })
  })

  describe('and is killed', () => {
    test('after it looked and before it kept has taken nothing; the next one takes all, each once', async () => {
      const up = upstream()
      await work(await aRun(), up)
      const run = await aRun()
      const { sql } = open()
      const cut = new Proxy(sql, {
        get: (of, name) =>
          name === 'begin' ? async () => await Promise.reject(new Error('Killed.')) : Reflect.get(of, name),
      })

      await expect(execute({ ...open(), sql: cut }, run.id, up.ask, { answererOf: byName })).rejects.toThrow(
        'Killed.',
      )
      const between = await countsOf(run)
      const outcome = await work(run, up)

      expect(between).toMatchObject({ answered: 0, takenOver: null })
      expect(outcome).toBe('done')
      expect(up.asked.length).toBe(10)
      expect(await countsOf(run)).toMatchObject({ answered: 10, judged: 10, takenOver: { answers: 10 } })
    })

    test('in the middle is gone on with, and nothing is taken twice', async () => {
      const up = upstream()
      await work(await aRun(), up)
      const run = await aRun(SUITE, numbered(8))
      const stop = new AbortController()
      const cut = scriptedAsk(() => {
        stop.abort(new Error('The worker stops.'))
        throw stop.signal.reason
      })
      await expect(work(run, cut, { signal: stop.signal })).rejects.toThrow('The worker stops.')

      await work(run, up)

      expect(up.asked.length).toBe(16)
      const rows = await judged(run)
      const taken = rows.flatMap(({ result }) => result.cachedFrom ?? [])
      expect([taken.length, new Set(taken).size, rows.length]).toEqual([10, 10, 16])
    })
  })

  test('beside another one that asks the same at the same time never fails: both may pay', async () => {
    const up = upstream()
    const [one, other] = [await aRun(), await aRun()]

    await Promise.all([work(one, up), work(other, up)])

    expect(await countsOf(one)).toMatchObject({ answered: 10, judged: 10 })
    expect(await countsOf(other)).toMatchObject({ answered: 10, judged: 10 })
    expect(up.asked.length).toBeGreaterThanOrEqual(10)
    expect(up.asked.length).toBeLessThanOrEqual(20)
  })

  test('judges the cost of an answer by what it had cost, and says nothing of how long it took', async () => {
    const up = upstream()
    const suite = SUITE.replace('[equals]', '[cost, latency]')
    await work(await aRun(suite), up)
    const second = await aRun(suite)

    await work(second, up)

    const [row] = await judged(second)
    const score = (name: string) => row?.scores.find(({ scorer }) => scorer === name)
    expect(score('cost')).toMatchObject({ outcome: 'scored', value: 100 })
    expect(score('latency')).toMatchObject({
      outcome: 'abstained',
      reason: 'The answer was taken over from an earlier run, and says nothing of how long a call takes.',
    })
  })

  test('says in its report what of it was taken over, from when on, and what that saved', async () => {
    const up = upstream()
    const first = await aRun()
    await work(first, up)
    await age(first, 3 * DAY_MS)
    const second = await aRun()
    await work(second, up)

    const reckon = async (...given: Parameters<typeof verdictOf>) => verdictOf(...given)
    const report = await makeReport({ sql: open().sql, reckon }, await rowOf(second), await rowOf(first))

    expect(report.verdict.takenOver).toMatchObject({ answers: 10, judgements: 0, saved: '1000' })
    expect(report.verdict.baseline?.takenOver).toBeUndefined()
    expect(Object.fromEntries(factsOf(report))).toMatchObject({
      cost: '$0.00',
      'taken over': '10 answers of earlier runs, the oldest 3 d before this one; $0.001 saved',
    })
  })

  test('says beforehand what is there, and what is left to pay', async () => {
    const up = upstream()
    await work(await aRun(), up)
    await aDataset(open(), 'questions', numbered(8))
    const { sql, db } = open()
    const deps = { sql, db, clock: systemClock, serves: () => true, answererOf: byName }
    const plan = await planRun(deps, AUTHOR.projectId, {
      suite: aSuite(SUITE),
      release: null,
      against: null,
    })

    const there = await countThere(deps, AUTHOR.projectId, plan.candidate)
    const nobody = await countThere({ ...deps, answererOf: () => null }, AUTHOR.projectId, plan.candidate)
    const theirs = await countThere(deps, 'prj_other', plan.candidate)
    const given = { items: plan.items, target: null, there }
    const { calls } = await forecast(sql, AUTHOR.projectId, plan.candidate, given)

    expect(there).toEqual({ answers: 10, of: 16 })
    expect(nobody).toBeNull()
    expect(theirs).toEqual({ answers: 0, of: 0 })
    expect(calls).toBe(6)
  })

  describe('judgements', () => {
    test('asks no judge for what it has judged, and pays nothing for it', async () => {
      const up = upstream()
      await work(await aRun(JUDGED), up)
      const second = await aRun(JUDGED)

      await work(second, up)

      // Five answers, each judged twice.
      expect(up.asked.length).toBe(15)
      const [row] = await judged(second)
      expect(row?.scores.map(({ value, cachedFrom }) => [value, cachedFrom !== null])).toEqual([
        [1, true],
        [1, true],
      ])
      expect(await countsOf(second)).toMatchObject({
        judged: 5,
        cost: '0',
        unpriced: 0,
        takenOver: { answers: 5, judgements: 10, saved: '570' },
      })
    })

    test.each([
      ['by other rules', JUDGED.replace('Brief.', 'Very brief.'), 5],
      ['by another model', JUDGED.replaceAll('up/judge', 'up/judge2'), 0],
      ['of what another model answered in the same words', JUDGED.replace('up/m', 'up/n'), 10],
    ])('are taken over when they are the same: %s', async (_what, suite, judgements) => {
      const up = scriptedAsk((question, _before, { body }) =>
        String(body.model).startsWith('up/judge')
          ? { output: '{"reason":"Yes.","meets":"Y"}', cost: 7n, free: false }
          : { output: `${echo(question)} by a model`, cost: 100n, free: false },
      )
      await work(await aRun(JUDGED), up)
      const other = await aRun(suite)

      await work(other, up)

      expect(await countsOf(other)).toMatchObject({ judged: 5, takenOver: { judgements } })
    })

    test('never takes over what could not be judged', async () => {
      let isDown = true
      const up = scriptedAsk((question, _before, { body }) =>
        body.model === 'up/judge'
          ? { output: isDown ? 'prose' : '{"reason":"Yes.","meets":"Y"}', cost: 7n, free: false }
          : { output: echo(question), cost: 100n, free: false },
      )
      await work(await aRun(JUDGED), up)
      isDown = false
      const second = await aRun(JUDGED)

      await work(second, up)

      expect(await countsOf(second)).toMatchObject({
        judged: 5,
        errors: 0,
        takenOver: { answers: 5, judgements: 0 },
      })
    })

    test('are kept once when a worker stops between two judges', async () => {
      const up = upstream()
      await work(await aRun(JUDGED.replace(/ {2}- \{ name: brief.*\n/, '')), up)
      const second = await aRun(JUDGED)
      const stop = new AbortController()
      const cut = scriptedAsk(() => {
        stop.abort(new Error('The worker stops.'))
        throw stop.signal.reason
      })
      await expect(work(second, cut, { signal: stop.signal })).rejects.toThrow('The worker stops.')

      await work(second, up)

      expect(await countsOf(second)).toMatchObject({
        judged: 5,
        cost: '35',
        takenOver: { answers: 5, judgements: 5 },
      })
    })
  })
})
