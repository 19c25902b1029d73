import { describe, expect, test } from 'vitest'
import type { RequestError } from '../../../src/errors.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { OPEN, type Policy } from '../../../src/promotion/policy.ts'
import { moveLabel } from '../../../src/promotion/promote.ts'
import { findPromotionById, type PromotionRow } from '../../../src/promotion/requests/store.ts'
import { withdrawPromotion } from '../../../src/promotion/requests/withdraw.ts'
import { rollBack } from '../../../src/promotion/rollback.ts'
import { findLabel } from '../../../src/registry/releases/store.ts'
import { describeDatabases } from '../../support/database.ts'
import { aDataset, aSuite, begin, echo, execute, numbered, scriptedAsk } from '../../support/eval-runs.ts'
import { ANNA, BEN, CAREFUL, CARLA, DORA, releaseOf, stageOf } from '../../support/promoted.ts'
import { refusal } from '../../support/refusal.ts'

const RACERS = 50

describeDatabases('a promotion', (open) => {
  /** A route whose production serves r1, with a second release. */
  async function aRoute(route: string, given: Parameters<typeof stageOf>[2] = {}) {
    const stage = stageOf(open, route, given)
    const [first, second] = [await releaseOf(open(), route), await releaseOf(open(), route)]
    await stage.items()
    await stage.advance(await stage.request(1, OPEN))
    return { ...stage, first, second }
  }
  const served = async (route: string) =>
    (await findLabel(open().db, 'prj_default', route, 'production'))?.releaseId
  const state = async ({ id }: PromotionRow) => (await findPromotionById(open().db, id))?.state

  test('of a label that no policy is about is through at once, and says so', async () => {
    const { second, request, advance, records } = await aRoute('plain')

    const row = await advance(await request(2, OPEN))

    expect(row).toMatchObject({ state: 'promoted', outcome: null })
    expect(await served('plain')).toBe(second.id)
    expect(records.map(({ action }) => action)).toContain('promotion.promoted')
  })

  test('without enough evidence is refused with the rule, the number and what to do', async () => {
    const { first, request, advance, asked, records } = await aRoute('worse', {
      right: (release) => (release === 1 ? 0.95 : 0.7),
    })

    const row = await advance(await request(2, CAREFUL))

    expect(row).toMatchObject({ state: 'refused', outcome: 'fail' })
    expect(row.note).toContain('policy careful (fail): numbers, equals: at least 0.8 is demanded')
    expect(row.note).toContain('at most 0.05 worse is allowed')
    expect(await served('worse')).toBe(first.id)
    expect(records.at(-1)).toEqual({
      action: 'promotion.refused',
      detail: { note: row.note, outcome: 'fail', verdict_hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    })
    // Each release was asked each item once.
    expect(asked.toSorted()).toEqual([...Array<number>(100).fill(1), ...Array<number>(100).fill(2)])
  })

  test('goes by what the suite’s file demands, and by the first figures, whatever was run before', async () => {
    const demanding = (text: string) =>
      aSuite(text.replace('[equals]', '[{ kind: equals, at_least: 0.8 }]'), 'numbers')
    const text = 'dataset: believed\nsubject: believed@production\nscorers: [equals]\n'
    const stage = await aRoute('believed', { right: () => 0.95, readSuite: async () => demanding(text) })
    // Somebody has had it judged without a bar, badly; and once more, when chance was kind.
    for (const answer of ['no idea', null]) {
      const { candidate } = await begin(open(), aSuite(text, 'numbers'), { release: 'r2' })
      await execute(open(), candidate.id, scriptedAsk((question) => answer ?? echo(question)).ask)
    }

    const row = await stage.advance(await stage.request(2, { ...CAREFUL, rules: [] }))

    expect(row).toMatchObject({ state: 'refused', outcome: 'fail' })
    expect(row.note).toContain('at least 0.8 is demanded')

    // One that went badly is let go of: it counts all the same.
    await open().sql`
      UPDATE eval_runs SET state = 'cancelled' WHERE id = (SELECT min(id) FROM eval_runs WHERE subject = 'believed@r2')`
    const again = await stage.advance(await stage.request(2, { ...CAREFUL, rules: [] }))
    expect(again).toMatchObject({ state: 'refused', note: expect.stringContaining('is cancelled. Mend it') })
  })

  test('with evidence that settles nothing is refused, and says how many items would', async () => {
    const { request, advance } = await aRoute('open-question', {
      right: (release) => (release === 1 ? 0.95 : 0.92),
    })

    const row = await advance(await request(2, CAREFUL))

    expect(row).toMatchObject({ state: 'refused', outcome: 'inconclusive' })
    expect(row.note).toMatch(/About \d+ items more would settle it/)
  })

  describe('that passes', () => {
    test('waits for somebody who neither asked for it nor made any of it, and then moves', async () => {
      const stage = await aRoute('careful', { right: () => 0.95 })
      const row = await stage.advance(await stage.request(2, CAREFUL))
      expect(row).toMatchObject({ state: 'waiting', outcome: 'pass' })

      const asker = await refusal(stage.answer(row, BEN))
      const secondKey = await refusal(stage.answer(row, { ...BEN, id: 'vk_second', name: 'ben too' }))
      const author = await refusal(stage.answer(row, ANNA))
      const engineer = await refusal(stage.answer(row, CARLA, { roles: ['engineer'] }))
      const other = await refusal(stage.answer(row, CARLA, { evidenceHash: '0'.repeat(64) }))
      expect(asker).toMatchObject({
        code: 'permission_denied',
        message: expect.stringContaining('ben@example.com asked for'),
      })
      expect(secondKey.code).toBe('permission_denied')
      expect(author).toMatchObject({ code: 'permission_denied', message: expect.stringContaining('author') })
      expect(engineer.message).toContain('approved by the role approver')
      expect(other.code).toBe('conflict')
      expect(await served('careful')).toBe(stage.first.id)

      await stage.answer(row, CARLA)
      expect(await stage.advance(row)).toMatchObject({ state: 'promoted' })
      expect(await served('careful')).toBe(stage.second.id)
      expect((await refusal(stage.answer(row, DORA))).code).toBe('conflict')
    })

    test('is rejected by one who does not agree', async () => {
      const stage = await aRoute('rejected', { right: () => 0.95 })
      const row = await stage.advance(await stage.request(2, CAREFUL))

      await stage.answer(row, CARLA, { answer: 'reject' })

      expect(await stage.advance(row)).toMatchObject({ state: 'rejected', note: 'carla rejected it: a test' })
      expect(await served('rejected')).toBe(stage.first.id)
    })

    test('expires with its time, and with its evidence', async () => {
      let nowMs = Date.now()
      const clock = { ...systemClock, nowMs: () => nowMs }
      const stage = await aRoute('expiring', { right: () => 0.95, clock })
      const late = await stage.advance(await stage.request(2, CAREFUL))
      nowMs += 2 * 3_600_000
      expect((await refusal(stage.answer(late, CARLA))).message).toContain('expired')
      expect(await stage.advance(late)).toMatchObject({ state: 'expired' })
      nowMs = Date.now()

      // The runs of before are too old by now: new ones are made.
      await grownOld('expiring')
      const row = await stage.advance(await stage.request(2, CAREFUL))
      expect(row.state).toBe('waiting')
      expect(stage.asked.length).toBe(400)
      await stage.answer(row, CARLA)
      await grownOld('expiring')
      expect(await stage.advance(row)).toMatchObject({
        state: 'expired',
        note: expect.stringContaining('older by now than the policy allows'),
      })
      expect(await served('expiring')).toBe(stage.first.id)
    })

    test('uses runs that are there already, and none over another version of the dataset', async () => {
      const stage = await aRoute('reused', { right: () => 0.95 })
      await withdrawn(stage, await stage.advance(await stage.request(2, CAREFUL)))
      expect(stage.asked.length).toBe(200)
      await withdrawn(stage, await stage.advance(await stage.request(2, CAREFUL)))
      expect(stage.asked.length).toBe(200)

      await aDataset(open(), 'reused', numbered(90))
      const row = await stage.advance(await stage.request(2, CAREFUL))

      expect(row.state).toBe('waiting')
      expect(stage.asked.length).toBe(200 + 180)
    })

    test('waits while moves are frozen, and is not even asked for then', async () => {
      const now = Date.now()
      const frozen: Policy = {
        ...CAREFUL,
        freeze: [{ fromMs: now + 60_000, toMs: now + 120_000, reason: 'a holiday' }],
      }
      let nowMs = now
      const clock = { ...systemClock, nowMs: () => nowMs }
      const stage = await aRoute('frozen', { right: () => 0.95, clock })
      const row = await stage.advance(await stage.request(2, frozen))
      await stage.answer(row, CARLA)
      nowMs = now + 60_000

      expect(await stage.advance(row)).toMatchObject({
        state: 'waiting',
        note: expect.stringContaining('a holiday'),
      })
      expect(await served('frozen')).toBe(stage.first.id)
      nowMs = now + 120_000
      expect(await stage.advance(row)).toMatchObject({ state: 'promoted' })
      nowMs = now + 60_000
      expect((await refusal(stage.request(1, frozen))).code).toBe('refused_by_policy')
    })

    test('is overtaken when its label goes back meanwhile', async () => {
      const stage = await aRoute('overtaken', { right: () => 0.95 })
      await stage.advance(await stage.request(2, OPEN))
      await releaseOf(open(), 'overtaken')
      const row = await stage.advance(await stage.request(3, CAREFUL))
      await rollBack(stage.deps(), BEN, {
        route: 'overtaken',
        label: 'production',
        to: null,
        reason: 'a test',
      })

      expect(await state(row)).toBe('overtaken')
      expect(await served('overtaken')).toBe(stage.first.id)
    })
  })

  const grownOld = async (route: string) => {
    await open().sql`
      UPDATE eval_runs SET finished_at = finished_at - interval '2 hours' WHERE subject LIKE ${`${route}@%`}`
  }

  async function withdrawn(stage: Pick<ReturnType<typeof stageOf>, 'deps'>, row: PromotionRow) {
    await withdrawPromotion(stage.deps(), { ...BEN, isAdmin: false }, row, 'a test')
  }

  test('cannot be walked around by setting the label', async () => {
    const stage = await aRoute('around')
    const order = {
      route: 'around',
      label: 'production',
      to: 2,
      canary: null,
      expected: null,
      reason: 'a test',
    }

    const set = await refusal(moveLabel(stage.deps(), BEN, CAREFUL, order))

    expect(set.code).toBe('refused_by_policy')
    expect(set.message).toContain('aval promote around r2 --to production')
  })

  test(`asked for by ${RACERS} at once is one: all others are told which`, async () => {
    const stage = await aRoute('raced', { right: () => 0.95 })

    const asked = await Promise.allSettled(Array.from({ length: RACERS }, () => stage.request(2, CAREFUL)))

    const won = asked.filter(({ status }) => status === 'fulfilled')
    const lost = asked.flatMap((one) => (one.status === 'rejected' ? [one.reason as RequestError] : []))
    expect(won).toHaveLength(1)
    expect(new Set(lost.map(({ code }) => code))).toEqual(new Set(['conflict']))
    expect(lost[0]?.message).toMatch(/Promotion prm_\w+ \(gathering\) of "raced@production" is under way/)
  })

  test(`of an open label asked for by ${RACERS} at once moves it once`, async () => {
    const stage = await aRoute('raced-open')
    const order = {
      route: 'raced-open',
      label: 'production',
      to: 2,
      canary: null,
      expected: 1,
      reason: 'a test',
    }

    const moves = await Promise.allSettled(
      Array.from({ length: RACERS }, () => moveLabel(stage.deps(), BEN, OPEN, order)),
    )

    const lost = moves.flatMap((one) => (one.status === 'rejected' ? [one.reason as RequestError] : []))
    expect(lost).toHaveLength(RACERS - 1)
    expect(new Set(lost.map(({ code }) => code))).toEqual(new Set(['conflict']))
    const decided = await open().sql`SELECT id FROM decisions WHERE route = 'raced-open'`
    expect(decided).toHaveLength(2)
  })

  describe('with the glass broken', () => {
    test('needs another admin within the hour, and no evidence', async () => {
      let nowMs = Date.now()
      const clock = { ...systemClock, nowMs: () => nowMs }
      const stage = await aRoute('broken', { right: () => 0, clock })
      const row = await stage.advance(await stage.request(2, CAREFUL, { breakGlass: true }))
      expect(row).toMatchObject({ state: 'waiting', outcome: null })
      expect((await refusal(stage.answer(row, BEN, { roles: ['admin'] }))).code).toBe('permission_denied')
      expect((await refusal(stage.answer(row, CARLA, { roles: ['approver'] }))).code).toBe(
        'permission_denied',
      )

      // Who made the release may be who knows what is on fire.
      await stage.answer(row, ANNA, { roles: ['admin'] })
      expect(await stage.advance(row)).toMatchObject({ state: 'promoted' })
      expect(await served('broken')).toBe(stage.second.id)
      const [decision] = await open().sql`SELECT kind FROM decisions WHERE promotion_id = ${row.id}`
      expect(decision).toMatchObject({ kind: 'break_glass' })

      // With evidence against what it came in place of, it is an ordinary promotion after all; without, it stays what it is.
      const regular = await stage.advance(await stage.request(2, CAREFUL))
      expect(regular).toMatchObject({ state: 'refused', outcome: 'fail', fromReleaseId: stage.first.id })
      // Another release is compared with what is served, and its canary stands beside that.
      await releaseOf(open(), 'broken')
      const third = await stage.request(3, CAREFUL)
      expect(third.fromReleaseId).toBe(stage.second.id)
      await withdrawn(stage, third)
      const through = await stage.advance(await stage.request(2, OPEN))
      expect(through).toMatchObject({ state: 'promoted' })
      expect((await refusal(stage.request(2, OPEN))).message).toContain('serves r2 already')

      const late = await stage.advance(await stage.request(1, CAREFUL, { breakGlass: true }))
      nowMs += 3_600_000
      expect((await refusal(stage.answer(late, ANNA, { roles: ['admin'] }))).message).toContain('expired')
    })
  })

  describe('a rollback', () => {
    const back = async (route: string, to: number | null = null) =>
      await rollBack({ db: open().db, clock: systemClock }, BEN, {
        route,
        label: 'production',
        to,
        reason: 'a test',
      })

    test('goes one step back each time, and never forward to what was taken back', async () => {
      const stage = await aRoute('steps')
      await releaseOf(open(), 'steps')
      await stage.advance(await stage.request(2, OPEN))
      await stage.advance(await stage.request(3, OPEN))

      expect((await back('steps')).to.number).toBe(2)
      expect((await back('steps')).to.number).toBe(1)
      expect((await refusal(back('steps'))).message).toContain('served nothing before')
      expect(await refusal(back('steps', 3))).toMatchObject({ code: 'refused_by_policy' })
      await stage.advance(await stage.request(3, OPEN))
      expect((await back('steps', 1)).to.number).toBe(1)
    })

    test('of a label that is not there, or to a release it never served, is refused', async () => {
      await aRoute('nowhere')

      expect(await refusal(back('nobody'))).toMatchObject({ code: 'not_found' })
      expect(await refusal(back('nowhere', 2))).toMatchObject({
        code: 'refused_by_policy',
        message: expect.stringContaining('aval promote nowhere r2'),
      })
    })
  })
})
