import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { EventRecord } from '../../../src/audit/record.ts'
import { runActOnAlert } from '../../../src/jobs/act-on-alert.ts'
import { runTidyActions } from '../../../src/jobs/tidy-actions.ts'
import { labelChecks } from '../../../src/label-checks.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { endAlert } from '../../../src/monitoring/alerts/alert-rows.ts'
import { listUnacted, readActions } from '../../../src/promotion/actions/store.ts'
import { type CanaryPolicy, OPEN } from '../../../src/promotion/policy.ts'
import { moveLabel } from '../../../src/promotion/promote.ts'
import { findLabel } from '../../../src/registry/releases/store.ts'
import { acknowledge, act, acting, anOpenAlert } from '../../support/alert-actions.ts'
import { describeDatabases } from '../../support/database.ts'
import { aDataset, execute, numbered, scriptedAsk } from '../../support/eval-runs.ts'
import { BEN, CARLA, DORA, releaseOf, stageOf, traffic } from '../../support/promoted.ts'
import { refusal } from '../../support/refusal.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const APPROVED = { count: 1, roles: ['approver'] as const, expireMs: DAY }
const CANARY: CanaryPolicy = {
  stages: [100],
  holdMs: HOUR,
  requestsMin: 1,
  maxWaitMs: DAY,
  alpha: 0.05,
  advance: 'unharmed',
  margins: { errors: 0.02 },
  sample: 1,
  budget: null,
}

describeDatabases('an alert', (open) => {
  /** Production serves r1, then r2 since `now`; a third release is there. */
  async function aRoute(route: string) {
    const stage = stageOf(open, route)
    for (let count = 0; count < 3; count += 1) await releaseOf(open(), route)
    await stage.advance(await stage.request(1, OPEN))
    await stage.advance(await stage.request(2, OPEN))
    return stage
  }
  const label = async (route: string) => await findLabel(open().db, 'prj_default', route, 'production')
  const served = async (route: string) => {
    const [row] = await open().sql<{ number: number }[]>`
      SELECT number FROM releases WHERE id = ${(await label(route))?.releaseId ?? ''}`
    return row?.number
  }
  const actions = async (id: string) =>
    (await readActions(open().db, 'prj_default', id)).map(({ action, outcome, note }) => ({
      action,
      outcome,
      note,
    }))
  const later = () => Date.now() + 60_000
  /** Of a change that began with the last move, as near as anybody can tell. */
  const since = () => ({ beganAtMs: Date.now() - 60_000, openedAtMs: later() })
  const asked = async (route: string, given: { count?: number; model?: string; key?: string } = {}) => {
    const serving = await label(route)
    const id = serving?.canaryReleaseId ?? serving?.releaseId ?? ''
    await traffic(open(), route, { count: 10, release: { id, projectId: 'prj_default' }, ...given })
  }
  const clockAt = (ms: number) => ({ ...systemClock, nowMs: () => ms })

  describe('that freezes a label', () => {
    const policy = acting({ actions: ['freeze'] }, { approvals: APPROVED })

    test('refuses what is asked, holds what is approved, and lets go when somebody acknowledges it', async () => {
      const stage = await aRoute('frozen')
      const asked = await stage.advance(await stage.request(3, policy))
      await stage.answer(asked, CARLA)
      const id = await anOpenAlert(open(), 'frozen')
      const events: EventRecord[] = []
      expect(await act(open(), id, policy, { events })).toBe('done')

      expect(await stage.advance(asked)).toMatchObject({
        state: 'waiting',
        note: expect.stringContaining(
          `frozen by alert ${id} (latency_p95 of frozen), as long as that is open`,
        ),
      })
      expect(await refusal(stage.request(3, policy))).toEqual({
        code: 'refused_by_policy',
        message: `policy acting: nothing moves while it is frozen by alert ${id} (latency_p95 of frozen), as long as that is open. See it: aval alerts show ${id}; end the freeze: aval alerts ack ${id} --note "…". Ask again afterwards, or break the glass with another admin: --break-glass`,
      })
      const move = { route: 'frozen', label: 'production', to: 3, canary: null, expected: null, reason: 'x' }
      const deps = { db: open().db, clock: systemClock }
      expect((await refusal(moveLabel(deps, BEN, OPEN, move))).message).toContain(`alert ${id}`)
      expect(events).toMatchObject([
        {
          kind: 'admin',
          action: 'alert.freeze',
          actorName: 'policy',
          target: id,
          purpose: 'latency_p95 of frozen',
        },
      ])

      await acknowledge(open(), id)
      expect(await stage.advance(asked)).toMatchObject({ state: 'promoted' })
    })

    test('keeps a canary at its stage', async () => {
      const stage = await aRoute('staged')
      const row = await stage.advance(await stage.request(3, { ...OPEN, name: 'c', canary: CANARY }))
      const id = await anOpenAlert(open(), 'staged')
      await act(open(), id, acting({}))
      const serving = await label('staged')
      for (const releaseId of [serving?.releaseId ?? '', serving?.canaryReleaseId ?? ''])
        await traffic(open(), 'staged', {
          release: { id: releaseId, projectId: 'prj_default' },
          count: 2_000,
        })
      const hence = stageOf(open, 'staged', { clock: clockAt(Date.now() + HOUR) })

      expect(await hence.advance(row)).toMatchObject({
        state: 'canary',
        note: expect.stringContaining(`Nothing moves while it is frozen by alert ${id}`),
      })

      await acknowledge(open(), id)
      expect(await hence.advance(row)).toMatchObject({ state: 'promoted' })
    })

    test('does not hold an emergency, and by a stated time holds after it is over', async () => {
      const stage = await aRoute('emergency')
      const timed = acting({ freezeMs: HOUR })
      const id = await anOpenAlert(open(), 'emergency')
      await act(open(), id, timed)
      const openedAtMs = Date.now() - HOUR
      const late = await anOpenAlert(open(), 'emergency', { metric: 'error_rate', openedAtMs })
      await act(open(), late, timed)
      expect(await actions(late)).toMatchObject([
        {
          outcome: 'refused',
          note: 'emergency@production: its time was over before it could be done.',
        },
      ])
      await open().sql`UPDATE alerts SET ended_at = now() + interval '1 minute' WHERE id = ${id}`

      expect((await refusal(stage.request(3, OPEN))).message).toMatch(/frozen by alert .*, until 20/)
      const broken = await stage.advance(await stage.request(3, OPEN, { breakGlass: true }))
      await stage.answer(broken, DORA, { roles: ['admin'] })
      expect(await stage.advance(broken)).toMatchObject({ state: 'promoted' })
      const hence = stageOf(open, 'emergency', { clock: clockAt(Date.now() + HOUR) })
      expect(await hence.request(2, OPEN)).toMatchObject({ state: 'gathering' })
    })
  })

  describe('that takes a label back', () => {
    const policy = acting({ actions: ['roll_back'] })

    test('does it once, though two workers run it twice, and not again until a person has looked', async () => {
      const stage = await aRoute('back')
      await asked('back')
      const id = await anOpenAlert(open(), 'back', since())
      const events: EventRecord[] = []

      await Promise.all([1, 2, 3].map(() => act(open(), id, policy, { events })))
      await act(open(), id, policy)

      expect(await served('back')).toBe(1)
      const moves = await open().sql`
        SELECT decided_by, reason FROM decisions WHERE route = 'back' AND kind = 'rollback'`
      expect([...moves]).toEqual([
        { decided_by: 'policy', reason: `Alert ${id} (latency_p95), by policy acting.` },
      ])
      expect(await actions(id)).toEqual([
        { action: 'roll_back', outcome: 'done', note: 'r2 was taken back, and r1 serves everybody.' },
      ])
      expect(events[0]).toMatchObject({ action: 'alert.roll_back', actorName: 'policy' })

      const again = await anOpenAlert(open(), 'back', { metric: 'error_rate', ...since() })
      await act(open(), again, policy)
      expect(await actions(again)).toMatchObject([
        {
          outcome: 'refused',
          note: expect.stringContaining('not rolled back twice in a row without a person'),
        },
      ])
      expect(await served('back')).toBe(1)

      await stage.advance(await stage.request(3, OPEN))
      await asked('back', { count: 50 })
      const third = await anOpenAlert(open(), 'back', { metric: 'ttft_p95', ...since() })
      await act(open(), third, policy)
      expect(await actions(third)).toMatchObject([{ outcome: 'done' }])
      expect(await served('back')).toBe(1)
    })

    test('is not called a forgery by aval doctor, which finds its record', async () => {
      await aRoute('honest')
      await asked('honest')
      const id = await anOpenAlert(open(), 'honest', since())
      const events: EventRecord[] = []
      await act(open(), id, policy, { events })
      const [decision] = (await readActions(open().db, 'prj_default', id))[0]?.targets ?? []
      await open().sql.begin(async (transaction) => {
        await transaction`SET LOCAL session_replication_role = replica`
        await transaction`
          UPDATE decisions SET decided_at = decided_at - interval '10 minutes' WHERE id = ${decision ?? ''}`
      })
      const named = async () =>
        (await labelChecks(open().db)).filter(({ detail }) => detail.includes(decision ?? '-'))
      const before = await named()
      for (const [seq, { id, kind, atMs, projectId, action, target, detail }] of events.entries()) {
        await open().sql`
          INSERT INTO audit_events (writer, seq, id, kind, at, project_id, actor_name, action, target, detail, record, trail)
          VALUES (${randomUUID()}, ${seq + 1}, ${id}, ${kind}, ${new Date(atMs - 600_000).toISOString()}::timestamptz,
            ${projectId}, 'policy', ${action}, ${target}, ${JSON.stringify(detail)}::text::jsonb, '{}', '')`
      }

      expect(before).toHaveLength(1)
      expect(await named()).toEqual([])
    })

    test('stays where most of what changed was asked of another label, or by no app at all', async () => {
      await aRoute('staging')
      await asked('staging', { count: 100, model: 'staging@staging' })
      await asked('staging', { count: 100, key: 'run_1' })
      const none = await anOpenAlert(open(), 'staging', since())
      await act(open(), none, policy)
      await asked('staging', { count: 49 })
      const few = await anOpenAlert(open(), 'staging', { metric: 'error_rate', ...since() })
      await act(open(), few, policy)
      await asked('staging', { count: 51, model: 'staging@production' })
      const most = await anOpenAlert(open(), 'staging', { metric: 'ttft_p95', ...since() })
      await act(open(), most, policy)

      expect((await actions(none))[0]).toMatchObject({
        outcome: 'refused',
        note: 'staging@production: nothing was asked of it by this label since the change began.',
      })
      expect((await actions(few))[0]).toMatchObject({
        outcome: 'refused',
        note: 'staging@production: most of what changed was asked of other labels or releases: 100 of 149 requests.',
      })
      expect((await actions(most))[0]).toMatchObject({ outcome: 'done' })
    })

    test('does not when somebody acknowledges the alert while it is at it', async () => {
      const both = acting({ actions: ['dataset', 'roll_back'] })
      await aRoute('in-hand')
      await asked('in-hand')
      const ids = [
        await anOpenAlert(open(), 'in-hand', since()),
        await anOpenAlert(open(), 'in-hand', { metric: 'ttft_p95', ...since() }),
      ] as const
      /** Acknowledges when the action is put on the log. */
      const ackAt = (id: string, action: string) => async () => ({
        event: async (record: EventRecord) => {
          if (record.action === action) await acknowledge(open(), id)
        },
      })

      await act(open(), ids[0], both, { log: ackAt(ids[0], 'alert.dataset') })
      await act(open(), ids[1], both, { log: ackAt(ids[1], 'alert.roll_back') })

      expect((await actions(ids[0]))[1]?.note).toContain('anna had acknowledged the alert before')
      expect((await actions(ids[1]))[1]).toMatchObject({
        outcome: 'refused',
        note: `in-hand@production: alert ${ids[1]} was acknowledged or ended meanwhile.`,
      })
      expect(await served('in-hand')).toBe(2)
    })

    test('takes a canary off, and ends its promotion', async () => {
      const stage = await aRoute('canaried')
      const row = await stage.advance(await stage.request(3, { ...OPEN, name: 'c', canary: CANARY }))
      expect(row.state).toBe('canary')
      await asked('canaried')
      const id = await anOpenAlert(open(), 'canaried', since())

      await act(open(), id, policy)

      expect(await label('canaried')).toMatchObject({ canaryReleaseId: null })
      expect(await served('canaried')).toBe(2)
      expect(await stage.advance(row)).toMatchObject({ state: 'rolled_back' })
      expect((await actions(id))[0]?.note).toBe('r3 was taken back, and r2 serves everybody.')
    })

    test('moves nothing when the log takes no record, and says after an hour that it failed', async () => {
      await aRoute('unlogged')
      await asked('unlogged')
      const openedAtMs = later()
      const id = await anOpenAlert(open(), 'unlogged', { ...since(), openedAtMs })
      let isBroken = true
      const log = async () => ({
        event: async () => {
          if (isBroken) throw new Error('The disk is full.')
        },
      })

      await expect(act(open(), id, policy, { log, random: () => 0.5 })).rejects.toThrow('The disk is full.')
      expect(await act(open(), id, policy, { log })).toBe('waits')
      expect(await listUnacted(open().db, 100, Date.now())).not.toContain(id)
      expect(await served('unlogged')).toBe(2)
      expect(await actions(id)).toEqual([])
      expect(await listUnacted(open().db, 100, Date.now() + 15_000)).toContain(id)

      isBroken = false
      const clock = clockAt(openedAtMs + HOUR)
      const readSuite = async () =>
        await Promise.reject(new Error('Failed query', { cause: new Error('The disk is gone.') }))
      await act(open(), id, acting({ actions: ['run_suite'], suites: ['s'] }), { log, clock, readSuite })
      expect(await actions(id)).toEqual([
        { action: 'run_suite', outcome: 'failed', note: 'The disk is gone.' },
      ])
      expect(await listUnacted(open().db, 100, Date.now() + HOUR)).not.toContain(id)
    })
  })

  describe('that starts a suite and asks people', () => {
    const suites = {
      polite: `dataset: judged
subject: judged@production
budget_usd: 1
scorers: [{ name: polite, kind: closed-qa, criterion: Greets., model: local/judge, at_least: 0.5 }]
`,
    }
    const policy = acting({ actions: ['run_suite', 'review'], suites: ['polite', 'absent'] })

    test('begins one run though it is killed before it is kept, and opens a queue when that has ended', async () => {
      await aRoute('judged')
      await aDataset(open(), 'judged', numbered(4))
      const id = await anOpenAlert(open(), 'judged', { metric: 'score:polite', value: 0.4, usual: 0.9 })
      const rung: string[] = []
      const killed = async (runId: string) => {
        rung.push(runId)
        if (rung.length === 1) throw new Error('Killed.')
      }

      await expect(act(open(), id, policy, { suites, runSuite: killed })).rejects.toThrow('Killed.')
      expect(await act(open(), id, policy, { suites, runSuite: killed })).toBe('waits')
      expect(new Set(rung).size).toBe(1)
      const runs = await open().sql<{ id: string; subject: string; budget: string }[]>`
        SELECT id, subject, budget::text FROM eval_runs WHERE suite = 'polite'`
      expect([...runs]).toEqual([{ id: rung[0], subject: 'judged@r2', budget: '1000000' }])
      expect(await actions(id)).toEqual([
        {
          action: 'run_suite',
          outcome: 'done',
          note: expect.stringMatching(/^r2 is run through polite\. evals\/absent\.yaml is not there\.$/),
        },
      ])

      const { ask } = scriptedAsk((_question, _before, { body }) =>
        JSON.stringify(body).includes('Greets.') ? JSON.stringify({ reason: 'So.', meets: 'N' }) : 'Hm.',
      )
      await execute(open(), rung[0] ?? '', ask)
      await acknowledge(open(), id)
      expect(await act(open(), id, policy, { suites })).toBe('done')

      const name = `judged-${id.replace('_', '-')}`
      expect((await actions(id))[1]).toEqual({
        action: 'review',
        outcome: 'done',
        note: `4 answers of ${rung[0]} wait for people: aval review next ${name}`,
      })
      const queues = await open().sql`SELECT run_id, created_by FROM review_queues WHERE name = ${name}`
      expect([...queues]).toEqual([{ run_id: rung[0], created_by: 'policy' }])
    })

    test('begins no second run for another figure of the same incident, and one for the next release', async () => {
      const stage = await aRoute('shared')
      await aDataset(open(), 'shared', numbered(2))
      const shared = { polite: suites.polite.replaceAll('judged', 'shared') }
      const policy = acting({ actions: ['run_suite'], suites: ['polite'] })
      const one = await anOpenAlert(open(), 'shared', since())
      const two = await anOpenAlert(open(), 'shared', { metric: 'error_rate', ...since() })
      await act(open(), one, policy, { suites: shared })
      await act(open(), two, policy, { suites: shared })
      const runs = await open().sql<{ id: string }[]>`SELECT id FROM eval_runs WHERE subject LIKE 'shared@%'`

      expect(runs).toHaveLength(1)
      expect(await readActions(open().db, 'prj_default', two)).toMatchObject([
        {
          outcome: 'done',
          note: `polite: another alert has begun ${runs[0]?.id} of r2.`,
          targets: [runs[0]?.id],
        },
      ])

      await stage.advance(await stage.request(3, OPEN))
      const three = await anOpenAlert(open(), 'shared', { metric: 'ttft_p95', ...since() })
      await act(open(), three, policy, { suites: shared })
      expect((await actions(three))[0]?.note).toBe('r3 is run through polite.')
    })

    test('is told what is missing where there is no run to review, no suite and no such route in it', async () => {
      await aRoute('missing')
      const id = await anOpenAlert(open(), 'missing')

      await act(open(), id, acting({ actions: ['run_suite', 'review'], suites: ['polite'] }), { suites })

      expect(await actions(id)).toMatchObject([
        { outcome: 'refused', note: expect.stringContaining('says nothing of missing') },
        { outcome: 'refused', note: expect.stringContaining('has no finished run with a judge') },
      ])
    })
  })

  test('of another project, of an upstream, or over before anybody came, touches nothing', async () => {
    await aRoute('mine')
    const policy = acting({ actions: ['freeze', 'roll_back'] })
    const ids = [
      await anOpenAlert(open(), 'mine', { projectId: 'prj_other', openedAtMs: later() }),
      await anOpenAlert(open(), 'mine', { subject: { kind: 'upstream', name: 'mine' }, openedAtMs: later() }),
      await anOpenAlert(open(), 'mine', { metric: 'error_rate', openedAtMs: later() }),
    ]

    const key = {
      projectId: 'prj_default',
      subject: { kind: 'route', name: 'mine' },
      metric: 'error_rate',
    } as const
    await endAlert(open().sql, key, later())

    for (const id of ids) expect(await act(open(), id, policy)).toBe('done')

    expect(await served('mine')).toBe(2)
    expect(await open().sql`SELECT id FROM alert_actions WHERE route = 'mine'`).toHaveLength(0)
    expect(await listUnacted(open().db, 100, Date.now())).not.toEqual(expect.arrayContaining(ids))
    expect(await act(open(), `alr_${'0'.repeat(26)}`, policy)).toBe('gone')
  })

  test('is rung for until its policies have been asked, and then no more', async () => {
    const id = await anOpenAlert(open(), 'rung')
    const rung: string[] = []
    const enqueuer = {
      enqueue: async (name: string, payload: object, { key }: { key?: string } = {}) =>
        void rung.push(`${name} ${JSON.stringify(payload)} ${key}`),
      schedule: async () => undefined,
      close: async () => undefined,
    }
    const ring = () => runTidyActions({ db: open().db, clock: systemClock, enqueuer }, {})

    await ring()
    expect(rung).toContain(`act-on-alert {"alertId":"${id}"} ${id}`)
    const worker = { act: (alertId: string) => act(open(), alertId, OPEN), enqueuer }
    expect(await runActOnAlert(worker, { alertId: id })).toBe('done')
    rung.length = 0
    await ring()
    expect(rung.join()).not.toContain(id)
  })

  test('leaves rows that nobody changes', async () => {
    await aRoute('kept')
    const id = await anOpenAlert(open(), 'kept')
    await act(open(), id, acting({}))

    const change = open().sql`UPDATE alert_actions SET outcome = 'failed' WHERE alert_id = ${id}`
    await expect(change).rejects.toThrow()
    await expect(open().sql`DELETE FROM alert_actions WHERE alert_id = ${id}`.execute()).rejects.toThrow()
  })
})
