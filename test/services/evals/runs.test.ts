import { afterEach, expect, test } from 'vitest'
import { countResults } from '../../../src/evals/runs/count-results.ts'
import { measureRun } from '../../../src/evals/runs/measure.ts'
import { forgetErrors, readJudged } from '../../../src/evals/runs/result-rows.ts'
import { findRun, moveRun, type RunRow } from '../../../src/evals/runs/run-rows.ts'
import { verdictOf } from '../../../src/evals/runs/verdict.ts'
import { runRunSuite } from '../../../src/jobs/run-suite.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { describeDatabases } from '../../support/database.ts'
import {
  AUTHOR,
  aDataset,
  aSuite,
  begin,
  echo,
  execute,
  noBatches,
  noCode,
  noVectors,
  numbered,
  scriptedAsk,
  unhurried,
} from '../../support/eval-runs.ts'

const SUITE = `
dataset: questions
subject: local/reader
repeats: 2
scorers:
  - equals
  - { name: short, kind: word-count, max: 3 }
concurrency: 4
`

/** Judges that people pay for: of `sure` nobody knows the price. */
const JUDGED = `
dataset: questions
subject: local/reader
scorers:
  - { name: sure, kind: closed-qa, criterion: Polite., model: local/sure }
  - { name: shaky, kind: closed-qa, criterion: Brief., model: local/shaky }
`

describeDatabases('a run', (open) => {
  afterEach(() => open().truncate())

  const aRun = async (yaml = SUITE, items = numbered(10)) => {
    await aDataset(open(), 'questions', items)
    return (await begin(open(), aSuite(yaml))).candidate
  }
  const rowOf = async ({ id }: RunRow) => (await findRun(open().sql, AUTHOR.projectId, id))!
  const judged = async (run: RunRow) => await readJudged(open().sql, run, null, 1000)
  const now = () => new Date().toISOString()

  test('asks every item as often as the suite says, and judges each answer by every scorer once', async () => {
    const run = await aRun()
    const { ask, asked } = scriptedAsk(echo)

    const outcome = await execute(open(), run.id, ask)

    const rows = await judged(run)
    expect(outcome).toBe('done')
    expect(asked.toSorted()).toEqual(
      numbered(10)
        .flatMap(({ input }) => [input, input])
        .toSorted(),
    )
    expect(rows.map(({ itemId, repeat }) => `${itemId} ${repeat}`)).toEqual(
      numbered(10).flatMap(({ id }) => [`${id} 0`, `${id} 1`]),
    )
    expect(rows.every(({ scores }) => scores.map(({ scorer }) => scorer).join() === 'equals,short')).toBe(
      true,
    )
    expect(await rowOf(run)).toMatchObject({ state: 'done', error: null, items: 10 })
    expect(await countResults(open().sql, run.id)).toMatchObject({
      answered: 20,
      failed: 0,
      judged: 20,
      errors: 0,
    })
  })

  test('waits and asks again where another try may help, and says why there is no answer where none does', async () => {
    const run = await aRun(SUITE.replace('repeats: 2', 'repeats: 1'), numbered(3))
    const { ask, asked } = scriptedAsk((question, before) => {
      if (question.includes('1') && before < 2) return { failure: { retryable: true } }
      if (question.includes('2')) return { failure: { code: 'context_too_long', message: 'Too long.' } }
      return echo(question)
    })

    await execute(open(), run.id, ask)

    const [first, second, third] = await judged(run)
    expect(asked.filter((question) => question.includes('1')).length).toBe(3)
    expect(first?.result.outcome).toBe('answered')
    expect(second?.result).toMatchObject({ outcome: 'answered', tries: 3 })
    expect(third?.result).toMatchObject({
      outcome: 'failed',
      errorCode: 'context_too_long',
      error: 'Too long.',
    })
    expect(third?.scores.map(({ outcome }) => outcome)).toEqual(['error', 'error'])
    expect(third?.scores[0]?.reason).toMatch(/no answer: Too long/)
    expect(await rowOf(run)).toMatchObject({ state: 'done' })
  })

  test('asks again for what failed, and for nothing else, when it is told to', async () => {
    const run = await aRun(SUITE.replace('repeats: 2', 'repeats: 1'), numbered(4))
    let isDown = true
    const { ask, asked } = scriptedAsk((question) =>
      isDown && question.includes('3') ? { failure: { code: 'invalid_value' } } : echo(question),
    )
    await execute(open(), run.id, ask)
    isDown = false

    await open().sql.begin(async (transaction) => {
      await moveRun(transaction, run.id, { from: ['done'], to: 'queued' }, now())
      await forgetErrors(transaction, run.id)
    })
    const outcome = await execute(open(), run.id, ask)

    expect(outcome).toBe('done')
    expect(asked.length).toBe(5)
    expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 4, failed: 0, errors: 0 })
  })

  test('asks only the judge that failed again, and what the failed one had cost stays spent', async () => {
    const run = await aRun(JUDGED, numbered(2))
    let isDown = true
    const { ask, asked } = scriptedAsk((_question, _before, { body }) => {
      if (body.model === 'local/reader') return '1'
      const output = body.model === 'local/shaky' && isDown ? 'prose' : '{"reason":"Yes.\\u0000","meets":"Y"}'
      return { output, cost: body.model === 'local/shaky' ? 100n : null, free: false }
    })
    await execute(open(), run.id, ask)
    const first = await countResults(open().sql, run.id)
    const before = asked.length
    isDown = false
    await open().sql.begin(async (transaction) => {
      await moveRun(transaction, run.id, { from: ['done'], to: 'queued' }, now())
      await forgetErrors(transaction, run.id)
    })

    expect(await execute(open(), run.id, ask)).toBe('done')

    // Each of the two that failed was asked for a repair too.
    expect(first).toMatchObject({ judged: 2, errors: 2, cost: '400', unpriced: 2, unpricedAnswers: 0 })
    expect(asked.length - before).toBe(2)
    expect(await countResults(open().sql, run.id)).toMatchObject({
      judged: 2,
      errors: 0,
      cost: '600',
      unpriced: 2,
    })
    expect((await judged(run))[0]?.scores[0]?.reason).toContain('Yes.')
  })

  test('keeps what a judge was paid for before it asks the next one', async () => {
    const run = await aRun(JUDGED, numbered(1))
    const stop = new AbortController()
    const { ask, asked } = scriptedAsk((_question, _before, { body, signal }) => {
      if (body.model === 'local/shaky') stop.abort(new Error('The worker stops.'))
      signal.throwIfAborted()
      if (body.model === 'local/reader') return '1'
      return { output: '{"reason":"Yes.","meets":"Y"}', cost: 5n, free: false }
    })

    await expect(execute(open(), run.id, ask, { signal: stop.signal })).rejects.toThrow('The worker stops.')
    const models: unknown[] = []
    const again = scriptedAsk((_question, _before, { body }) => {
      models.push(body.model)
      return '{"reason":"Yes.","meets":"Y"}'
    })
    await execute(open(), run.id, again.ask)

    expect(asked.length).toBe(3)
    expect(models).toEqual(['local/shaky'])
    expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 1, judged: 1, errors: 0 })
  })

  test('stops before the budget is passed, keeps what it has, and goes on with more', async () => {
    const run = await aRun(`${SUITE}budget_usd: 0.01\n`)
    const { ask, asked } = scriptedAsk((question) => ({ output: echo(question), cost: 1_500n, free: false }))

    const first = await execute(open(), run.id, ask)
    const stopped = await rowOf(run)
    const spent = await countResults(open().sql, run.id)
    await moveRun(open().sql, run.id, { from: ['stopped'], to: 'queued', budget: '1000000' }, now())
    const second = await execute(open(), run.id, ask)

    expect(first).toBe('stopped')
    expect(stopped).toMatchObject({
      state: 'stopped',
      error: expect.stringMatching(/budget of \$0\.01 is spent/),
    })
    expect(BigInt(spent.cost)).toBeLessThanOrEqual(10_000n)
    expect(spent.answered).toBe(6)
    expect(second).toBe('done')
    expect(asked.length).toBe(20)
  })

  test('with a budget does not go on after an answer whose price nobody knows', async () => {
    const run = await aRun(`${SUITE}budget_usd: 5\n`)
    const { ask, asked } = scriptedAsk((question) => ({ output: echo(question), cost: null, free: false }))

    const outcome = await execute(open(), run.id, ask)

    expect(outcome).toBe('stopped')
    expect(asked.length).toBe(1)
    expect((await rowOf(run)).error).toMatch(/no known price/)
  })

  test('with a budget of nothing asks nothing', async () => {
    const run = await aRun(`${SUITE}budget_usd: 0\n`)
    const { ask, asked } = scriptedAsk(echo)

    expect(await execute(open(), run.id, ask)).toBe('stopped')
    expect(asked).toEqual([])
  })

  test('belongs to one worker: another one that is rung leaves it alone', async () => {
    const run = await aRun()
    const gate = Promise.withResolvers<void>()
    const { ask, asked } = scriptedAsk(async (question) => {
      await gate.promise
      return echo(question)
    })

    const first = execute(open(), run.id, ask)
    await expect.poll(() => asked.length).toBeGreaterThan(0)
    const second = await execute(open(), run.id, ask)
    gate.resolve()

    expect(second).toBe('nothing')
    expect(await first).toBe('done')
    expect(asked.length).toBe(20)
  })

  test('of a worker that fell silent is taken over, and the silent one writes nothing any more', async () => {
    const run = await aRun()
    const gate = Promise.withResolvers<void>()
    const slow = scriptedAsk(async (question) => {
      await gate.promise
      return `late ${question}`
    })
    const { ask } = scriptedAsk(echo)
    const later = { ...systemClock, nowMs: () => Date.now() + 60_000 }

    const silent = execute(open(), run.id, slow.ask, { beatMs: 60_000 })
    await expect.poll(() => slow.asked.length).toBeGreaterThan(0)
    const taken = await execute(open(), run.id, ask, { clock: later })
    gate.resolve()

    expect(taken).toBe('done')
    expect(await silent).toBe('taken-over')
    expect((await judged(run)).every(({ result }) => !result.output?.startsWith('late'))).toBe(true)
    expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 20, judged: 20 })
  })

  test('that is cancelled ends, keeps what it has, and goes on from there', async () => {
    const run = await aRun()
    const { ask, asked } = scriptedAsk(async (question) => {
      if (asked.length === 6) await moveRun(open().sql, run.id, { from: ['running'], to: 'cancelled' }, now())
      return echo(question)
    })

    const outcome = await execute(open(), run.id, ask)
    const kept = await countResults(open().sql, run.id)
    await moveRun(open().sql, run.id, { from: ['cancelled'], to: 'queued' }, now())
    await execute(open(), run.id, ask)

    expect(outcome).toBe('taken-over')
    expect(kept.answered).toBeLessThan(20)
    expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 20, judged: 20 })
    expect(asked.length).toBeLessThanOrEqual(20 + 4)
  })

  test('that is cancelled and resumed under its worker is gone on with by the same job', async () => {
    const run = await aRun()
    const { ask, asked } = scriptedAsk(async (question) => {
      if (asked.length !== 6) return echo(question)
      await moveRun(open().sql, run.id, { from: ['running'], to: 'cancelled' }, now())
      await moveRun(open().sql, run.id, { from: ['cancelled'], to: 'queued' }, now())
      return echo(question)
    })
    const judging = {
      ask: async () => ask,
      batches: async () => noBatches,
      pace: unhurried,
      models: noVectors,
      evaluate: noCode,
    }
    const enqueuer = {
      enqueue: async () => undefined,
      schedule: async () => undefined,
      close: async () => undefined,
    }
    const deps = { ...open(), enqueuer, clock: systemClock, ...judging }

    const outcome = await runRunSuite(deps, { runId: run.id }, new AbortController().signal)

    expect(outcome).toBe('done')
    expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 20, judged: 20 })
  })

  test('that is cancelled while its calls only wait ends them at the next sign of life', async () => {
    const run = await aRun()
    const { ask, asked } = scriptedAsk(async (_question, _before, { signal }) => {
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
      return ''
    })

    const outcome = execute(open(), run.id, ask, { beatMs: 20 })
    await expect.poll(() => asked.length).toBe(4)
    await moveRun(open().sql, run.id, { from: ['running'], to: 'cancelled' }, now())

    expect(await outcome).toBe('taken-over')
    expect(await rowOf(run)).toMatchObject({ state: 'cancelled' })
  })

  test('is given back by a worker that is to stop, and nothing that was answered is asked again', async () => {
    const run = await aRun()
    const stop = new AbortController()
    const { ask, asked } = scriptedAsk((question, _before, { signal }) => {
      if (asked.length === 7) stop.abort(new Error('The worker stops.'))
      signal.throwIfAborted()
      return echo(question)
    })

    await expect(execute(open(), run.id, ask, { signal: stop.signal })).rejects.toThrow()
    const waiting = await rowOf(run)
    const kept = await countResults(open().sql, run.id)
    await execute(open(), run.id, scriptedAsk(echo).ask)

    expect(waiting).toMatchObject({ state: 'queued', attempts: 0 })
    expect(kept.answered).toBeGreaterThan(0)
    expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 20, judged: 20 })
  })

  test('is tried as often as it takes while it gets on, and given up when it does not', async () => {
    const run = await aRun()
    let left = 0
    const { ask } = scriptedAsk((question) => {
      left -= 1
      if (left < 0) throw new Error('The log cannot be written.')
      return echo(question)
    })
    for (let turn = 0; turn < 22; turn += 1) {
      left = turn < 18 ? 1 : 0
      await execute(open(), run.id, ask).catch(() => undefined)
    }
    const stuck = await rowOf(run)
    for (let turn = 0; turn < 20; turn += 1) await execute(open(), run.id, ask).catch(() => undefined)

    expect(stuck).toMatchObject({ state: 'queued', error: 'The log cannot be written.' })
    expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 18 })
    expect(await rowOf(run)).toMatchObject({
      state: 'failed',
      error: 'Given up after 20 tries without an answer. The log cannot be written.',
      finishedAt: expect.any(String),
    })
  })

  test('a call that takes longer than the suite allows has failed, and others go on', async () => {
    const run = await aRun(`${SUITE.replace('repeats: 2', 'repeats: 1')}timeout: 50ms\n`, numbered(3))
    const { ask } = scriptedAsk((question, _before, { signal }) =>
      question.includes('1')
        ? new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        : echo(question),
    )

    await execute(open(), run.id, ask)

    expect((await judged(run)).map(({ result }) => result.errorCode)).toEqual([null, 'timeout', null])
  })

  test('of recorded outputs asks nobody', async () => {
    const items = numbered(3, (at) => (at === 2 ? {} : { output: at === 0 ? '0' : 'wrong' }))
    const run = await aRun('dataset: questions\nsubject: recorded\nscorers: [equals]\n', items)
    const { ask, asked } = scriptedAsk(echo)

    await execute(open(), run.id, ask)

    const rows = await judged(run)
    expect(asked).toEqual([])
    expect(rows.map(({ scores }) => scores[0]?.value)).toEqual([1, 0, null])
    expect(rows[2]?.result.error).toMatch(/has no output/)
  })

  test('takes one split when the suite names it, and refuses one without items', async () => {
    await aDataset(
      open(),
      'questions',
      numbered(6, (at) => ({ split: at < 2 ? 'dev' : 'test' })),
    )

    const { candidate } = await begin(open(), aSuite(`${SUITE}split: dev\n`))

    expect(candidate.items).toBe(2)
    await expect(begin(open(), aSuite(`${SUITE}split: train\n`))).rejects.toThrow(
      /no item of the split "train"/,
    )
  })

  test.each([
    ['a dataset', SUITE.replace('questions', 'nothing'), /no dataset "nothing"/],
    ['a subject', SUITE.replace('local/reader', 'support@r3'), /no "support@r3" to ask/],
    ['an upstream', SUITE.replace('local/reader', 'lab/m@2'), /No upstream "lab" is configured/],
    [
      'a kind of scorer',
      SUITE.replace('- equals', '- equal'),
      /Unknown kind of scorer "equal". Did you mean "equals"/,
    ],
    ['a setting', SUITE.replace('max: 3', 'most: 3'), /most/],
  ])('is refused for %s that is not there', async (_what, yaml, message) => {
    await aDataset(open(), 'questions', numbered(2))

    await expect(begin(open(), aSuite(yaml))).rejects.toThrow(message)
  })

  test('asks a model whose id has an @ in it', async () => {
    await aDataset(open(), 'questions', numbered(2))

    const { candidate } = await begin(open(), aSuite(SUITE.replace('local/reader', 'local/@cf/m@2')))

    expect(candidate).toMatchObject({ subject: 'local/@cf/m@2', releaseId: null })
  })

  test('that is asked for twice with one key is one run', async () => {
    await aDataset(open(), 'questions', numbered(2))

    const [first, second] = await Promise.all([
      begin(open(), aSuite(SUITE), { key: 'same' }),
      begin(open(), aSuite(SUITE), { key: 'same' }),
    ])

    expect(first.candidate.id).toBe(second.candidate.id)
    expect([...first.created, ...second.created].length).toBe(1)
  })

  test('whose scorers judge by other rules by now is refused, not mixed', async () => {
    const run = await aRun()
    const content = run.content
    await open()
      .sql`UPDATE eval_runs SET content = ${content.replaceAll('"version":1', '"version":0')} WHERE id = ${run.id}`

    const outcome = await execute(open(), run.id, scriptedAsk(echo).ask)

    expect(outcome).toBe('failed')
    expect((await rowOf(run)).error).toMatch(/Run the suite anew/)
  })

  test('gives a verdict whose gates hold on the worst case', async () => {
    const yaml = `
dataset: questions
subject: local/reader
scorers:
  - { kind: equals, at_least: 0.7 }
  - { name: strict, kind: equals, at_least: 0.93 }
  - { name: sure, kind: equals, at_most: 0.2 }
`
    const run = await aRun(yaml, numbered(60))
    await execute(
      open(),
      run.id,
      scriptedAsk((question) => (question.includes('7') ? 'wrong' : echo(question))).ask,
    )

    const verdict = verdictOf(await measureRun(open().sql, await rowOf(run)), null)

    expect(verdict.verdict).toBe('fail')
    expect(verdict.scorers.map(({ gates }) => gates[0]?.verdict)).toEqual(['pass', 'inconclusive', 'fail'])
    expect(verdict.scorers[0]?.estimate).toMatchObject({ estimate: 0.9, items: 60, method: 'wilson@1' })
    expect(verdict.uncovered).toBe(false)
  })

  test('that lacks judgements decides nothing, and says how many', async () => {
    const yaml = 'dataset: questions\nsubject: local/reader\nscorers: [{ kind: equals, at_least: 0.5 }]\n'
    const run = await aRun(yaml, numbered(40))
    await execute(
      open(),
      run.id,
      scriptedAsk((question) =>
        Number(echo(question)) < 10 ? { failure: { code: 'invalid_value' } } : echo(question),
      ).ask,
    )

    const verdict = verdictOf(await measureRun(open().sql, await rowOf(run)), null)

    expect(verdict).toMatchObject({ verdict: 'inconclusive', uncovered: true })
    expect(verdict.reasons[0]).toMatch(/30 of 40 judged.*10 errors/)
    expect(verdict.scorers[0]?.gates[0]?.low).toBeLessThan(0.75)
  })

  test('is compared item by item with the run of another subject that was measured alike', async () => {
    const yaml = `
dataset: questions
subject: local/reader
scorers: [{ kind: equals, not_worse_by: 0.05 }]
`
    await aDataset(open(), 'questions', numbered(80))
    const { candidate: base } = await begin(open(), aSuite(yaml.replace('local/reader', 'local/other')))
    await execute(
      open(),
      base.id,
      scriptedAsk((question) => (question.includes('1') ? '' : echo(question))).ask,
    )
    const { candidate, baseline, created } = await begin(open(), aSuite(yaml), { against: base.id })
    await execute(open(), candidate.id, scriptedAsk(echo).ask)

    const verdict = verdictOf(
      await measureRun(open().sql, candidate),
      await measureRun(open().sql, baseline!),
    )

    expect(created.map(({ id }) => id)).toEqual([candidate.id])
    expect(candidate.measureHash).toBe(base.measureHash)
    expect(verdict.verdict).toBe('pass')
    expect(verdict.baseline).toMatchObject({ subject: 'local/other', sharedItems: 80 })
    expect(verdict.scorers[0]?.compared).toMatchObject({ reads: 'better' })
    expect(verdict.scorers[0]?.compared?.difference?.estimate).toBeGreaterThan(0)
  })
})
