import { beforeAll, expect, test } from 'vitest'
import { labelChecks } from '../../../src/label-checks.ts'
import { newId } from '../../../src/lib/ids.ts'
import { describeDatabases } from '../../support/database.ts'
import { releaseOf } from '../../support/promoted.ts'

const WRITER = '0192a000-0000-7000-8000-000000000001'
const MINUTE_MS = 60_000

describeDatabases('a move that the log knows nothing of', (open) => {
  let release: string
  let seq = 0

  beforeAll(async () => {
    release = (await releaseOf(open(), 'unlogged')).id
  })

  /** With the triggers off, as an owner of the database can. */
  const decide = async (label: string, agoMs: number, promotion: string | null) => {
    const id = newId('dec', Date.now() - agoMs)
    await open().sql.begin(async (transaction) => {
      await transaction`SET LOCAL session_replication_role = replica`
      await transaction`
        INSERT INTO decisions (id, project_id, route, label, to_release_id, reason, kind, promotion_id, decided_by, decided_at)
        VALUES (${id}, 'prj_default', 'unlogged', ${label}, ${release}, 'by hand', 'promotion', ${promotion}, 'nobody',
          ${at(agoMs)}::timestamptz)`
    })
    return id
  }
  const log = async (
    agoMs: number,
    action: string,
    target: string,
    projectId = 'prj_default',
    detail = {},
  ) => {
    seq += 1
    await open().sql`
      INSERT INTO audit_events (writer, seq, id, kind, at, project_id, actor_id, actor_name, action, target, purpose, detail, record, trail)
      VALUES (${WRITER}, ${seq}, ${newId('evt', Date.now())}, 'admin', ${at(agoMs)}::timestamptz, ${projectId}, 'vk_1', 'anna',
        ${action}, ${target}, 'a test', ${JSON.stringify(detail)}::text::jsonb, '{}', '')`
  }

  test('is named by aval doctor, with what to do', async () => {
    const id = await decide('forged', 10 * MINUTE_MS, null)

    const checks = await labelChecks(open().db)

    expect(checks).toContainEqual({
      name: 'label unlogged@forged',
      status: 'problem',
      detail: expect.stringContaining(`(prj_default) was moved by ${id} at `),
      remedy: expect.stringContaining('aval audit events list'),
    })
  })

  test.each([
    ['the asking for an open label', 'label.set', 'set', 'unlogged@set', null],
    ['a rollback', 'label.roll_back', 'back', 'unlogged@back', null],
    ['a step of its promotion', 'promotion.promoted', 'stepped', 'prm_stepped', 'prm_stepped'],
  ])('is none with %s just before', async (_what, action, label, target, promotion) => {
    const id = await decide(label, 20 * MINUTE_MS, promotion)
    const before = await named(id)
    await log(20 * MINUTE_MS + 500, action, target)

    expect(before).toHaveLength(1)
    expect(await named(id)).toEqual([])
  })

  test('is none with what a policy wrote down before it took a label back, and is one with its refusal', async () => {
    const first = await decide('by-policy', 500 * MINUTE_MS, null)
    const back = await decide('by-policy', 20 * MINUTE_MS, null)
    const forged = await decide('forged-too', 20 * MINUTE_MS, null)
    const refused = await decide('refused', 20 * MINUTE_MS, null)
    const record = async (label: string, detail: object) =>
      await log(20 * MINUTE_MS + 500, 'alert.roll_back', 'alr_1', 'prj_default', {
        label,
        policy: 'p',
        ...detail,
      })
    await record('unlogged@by-policy', { from: first })
    await record('unlogged@forged-too', { from: first })
    await record('unlogged@refused', { outcome: 'refused', note: 'So.' })

    expect(await named(back)).toEqual([])
    expect(await named(forged)).toHaveLength(1)
    expect(await named(refused)).toHaveLength(1)
  })

  test.each([
    ['hours before', 500 * MINUTE_MS, 'label.set', 'unlogged@other', 'prj_default'],
    ['of another label', 20 * MINUTE_MS, 'label.set', 'unlogged@staging', 'prj_default'],
    ['of another project', 20 * MINUTE_MS, 'label.set', 'unlogged@other', 'prj_else'],
    ['that only looked', 20 * MINUTE_MS, 'label.list', 'unlogged@other', 'prj_default'],
  ])('is one with an event %s', async (_what, agoMs, action, target, project) => {
    const id = await decide('other', 20 * MINUTE_MS, null)
    await log(agoMs, action, target, project)

    expect(await named(id)).toHaveLength(1)
  })

  test('is not looked for among the newest, which may still be on their way', async () => {
    const id = await decide('new', MINUTE_MS, null)

    expect(await named(id)).toEqual([])
  })

  const named = async (id: string) =>
    (await labelChecks(open().db)).filter(({ detail }) => detail.includes(id))
})

function at(agoMs: number): string {
  return new Date(Date.now() - agoMs).toISOString()
}
