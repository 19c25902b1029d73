import { beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../../src/lib/ids.ts'
import { OPEN } from '../../../src/promotion/policy.ts'
import type { PromotionRow } from '../../../src/promotion/requests/store.ts'
import type { ReleaseRow } from '../../../src/registry/releases/store.ts'
import { describeDatabases } from '../../support/database.ts'
import { ANNA, BEN, CAREFUL, CARLA, DORA, releaseOf, stageOf } from '../../support/promoted.ts'

/** Whoever has the database, and no more: what it refuses by itself, whoever writes. */
describeDatabases('the database', (open) => {
  const route = 'guarded'
  let first: ReleaseRow
  let second: ReleaseRow
  let waiting: PromotionRow
  const stage = stageOf(open, route, { right: () => 0.95 })
  const two = { ...CAREFUL, approvals: { ...CAREFUL.approvals, count: 2 } }

  beforeAll(async () => {
    first = await releaseOf(open(), route)
    second = await releaseOf(open(), route)
    await releaseOf(open(), route)
    await stage.items()
    await stage.advance(await stage.request(1, OPEN))
    waiting = await stage.advance(await stage.request(2, two))
  })

  const decide = (values: {
    kind: string
    promotion?: string | null
    to?: string
    canary?: string | null
  }) => {
    const { kind, promotion = waiting.id, to = second.id, canary = null } = values
    return open().sql`
      INSERT INTO decisions (id, project_id, route, label, from_release_id, to_release_id, canary_release_id, canary_weight,
        reason, kind, promotion_id, decided_by, decided_at)
      VALUES (${newId('dec', Date.now())}, 'prj_default', ${route}, 'production', ${first.id}, ${to}, ${canary},
        ${canary === null ? null : 500}, 'by hand', ${kind}, ${promotion}, 'nobody', now())`
  }
  const approve = (
    by: { id: string; person: string },
    more: { role?: string; hash?: string; key?: string } = {},
  ) => {
    const { role = 'approver', hash = waiting.evidenceHash, key = by.id } = more
    return open().sql`
      INSERT INTO approvals (id, promotion_id, answer, evidence_hash, reason, key_id, person, role, created_at)
      VALUES (${newId('apv', Date.now())}, ${waiting.id}, 'approve', ${hash}, 'by hand', ${key}, ${by.person}, ${role}, now())`
  }

  test.each([
    [
      'moved',
      `UPDATE labels SET release_id = (SELECT id FROM releases WHERE route = 'guarded' AND number = 2)`,
    ],
    [
      'given a canary',
      `UPDATE labels SET canary_release_id = (SELECT id FROM releases WHERE route = 'guarded' AND number = 2), canary_weight = 1`,
    ],
    ['moved by an older decision', `UPDATE labels SET moved_at = now()`],
  ])('lets no label be %s by hand', async (_what, statement) => {
    await expect(open().sql.unsafe(statement)).rejects.toThrow(/moves by a decision that is made with it/)
  })

  test('lets no label be made, removed or emptied by hand', async () => {
    const { sql } = open()

    await expect(
      sql`INSERT INTO labels SELECT project_id, route, 'other', release_id, NULL, NULL, decision_id, now() FROM labels`,
    ).rejects.toThrow(/moves by a decision/)
    await expect(sql`DELETE FROM labels`).rejects.toThrow(/never removed/)
    await expect(sql`TRUNCATE labels`).rejects.toThrow(/never changed or removed/)
  })

  test('takes no decision without a promotion that got there', async () => {
    await expect(decide({ kind: 'promotion' })).rejects.toThrow(/needs 2 approvals/)
    await expect(decide({ kind: 'promotion', promotion: null })).rejects.toThrow(/this is none of it/)
    await expect(decide({ kind: 'canary', to: first.id, canary: second.id })).rejects.toThrow(
      /needs 2 approvals/,
    )
    await expect(decide({ kind: 'break_glass' })).rejects.toThrow(/of another kind/)
    await expect(decide({ kind: 'promotion', to: first.id })).rejects.toThrow(/about another release/)
    await expect(decide({ kind: 'promotion', canary: first.id })).rejects.toThrow(/another pair/)
    await expect(decide({ kind: 'rollback', promotion: null })).rejects.toThrow(/has not served this release/)
    await expect(open()
      .sql`INSERT INTO decisions SELECT 'dec_x', project_id, route, label, from_release_id, to_release_id,
      canary_release_id, canary_weight, reason, decided_by, decided_by_name, decided_at FROM decisions`).rejects.toThrow(
      /of which kind/,
    )
  })

  test('lets nobody approve what they asked for, made or did not see, by whichever key', async () => {
    await expect(approve(BEN)).rejects.toThrow(/asked for promotion/)
    await expect(approve({ ...BEN, id: 'vk_second' })).rejects.toThrow(/asked for promotion/)
    await expect(approve(ANNA)).rejects.toThrow(/an author of what/)
    await expect(approve(CARLA, { role: 'engineer' })).rejects.toThrow(/approved by/)
    await expect(approve(CARLA, { hash: '0'.repeat(64) })).rejects.toThrow(/other evidence than was signed/)
  })

  test('holds a key to the person who answers for it', async () => {
    const { sql } = open()
    await sql`
      INSERT INTO projects (id, name, created_at) VALUES ('prj_default', 'default', now()) ON CONFLICT DO NOTHING`
    await sql`
      INSERT INTO virtual_keys (id, project_id, name, digest, roles, owner, created_at)
      VALUES ('vk_bens', 'prj_default', 'bens', decode('00', 'hex'), '{approver}', ${BEN.person}, now())`

    await expect(approve({ id: 'vk_bens', person: DORA.person })).rejects.toThrow(
      /answers to ben@example.com/,
    )
    await expect(approve({ id: 'vk_bens', person: BEN.person })).rejects.toThrow(/asked for promotion/)
  })

  test('counts one person once, and changes nothing that was said', async () => {
    const { sql } = open()
    await approve(CARLA)

    await expect(approve({ ...CARLA, id: 'vk_second' })).rejects.toThrow(/unique/)
    await expect(decide({ kind: 'promotion' })).rejects.toThrow(/needs 2 approvals/)
    await expect(sql`UPDATE approvals SET person = 'x'`).rejects.toThrow(/never changed/)
    await expect(sql`DELETE FROM approvals`).rejects.toThrow(/never changed/)
    await expect(sql`UPDATE promotions SET approvals_needed = 0 WHERE ended_at IS NULL`).rejects.toThrow(
      /never changed/,
    )
    await expect(
      sql`UPDATE promotions SET outcome = 'pass', verdict = '{}' WHERE ended_at IS NULL`,
    ).rejects.toThrow(/never changed/)
    await expect(sql`UPDATE promotions SET note = 'x' WHERE ended_at IS NOT NULL`).rejects.toThrow(
      /has ended/,
    )
    await expect(sql`DELETE FROM promotions`).rejects.toThrow(/never removed/)
  })

  describe('once all has been said', () => {
    test('takes the move, and with it nothing else', async () => {
      await stage.answer(waiting, DORA)

      expect(await stage.advance(waiting)).toMatchObject({ state: 'promoted' })
      // The promotion has ended, and what it decided is spent.
      await expect(decide({ kind: 'promotion' })).rejects.toThrow(/this is none of it/)
      await expect(open().sql`UPDATE labels SET moved_at = now()`).rejects.toThrow(/moves by a decision/)
    })
  })
})
