import { beforeEach, expect, test } from 'vitest'
import type { RequestError } from '../../../src/errors.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { PromptContent } from '../../../src/registry/prompts/prompt-content.ts'
import {
  getPromptVersion,
  listPrompts,
  listPromptVersions,
  pushPrompt,
} from '../../../src/registry/prompts/prompt-versions.ts'
import { describeDatabases } from '../../support/database.ts'

const ADA = { id: 'vk_ada', name: 'ada', projectId: 'prj_default', person: 'vk_ada' }
const BOB = { id: 'vk_bob', name: 'bob', projectId: 'prj_default', person: 'vk_bob' }
const STRANGER = { id: 'vk_eve', name: 'eve', projectId: 'prj_other', person: 'vk_eve' }
const saying = (content: string): PromptContent => ({ messages: [{ role: 'user', content }] })

describeDatabases('versions of a prompt', (open) => {
  const deps = () => ({ db: open().db, clock: systemClock })
  const push = (text: string, expectedVersion: number | null = null, author = ADA, name = 'greeting') =>
    pushPrompt(deps(), author, { name, content: saying(text), expectedVersion })
  const numbers = async () => {
    const { rows } = await listPromptVersions(
      deps(),
      { projectId: 'prj_default', name: 'greeting' },
      { cursor: null, limit: 200 },
    )
    return rows.map(({ version }) => version).reverse()
  }

  beforeEach(() => open().truncate())

  test('are numbered from 1, and a content that is there already is the version that has it', async () => {
    const first = await push('hello')
    const second = await push('good morning')
    const again = await push('hello', null, BOB)

    expect([first.created, second.created, again.created]).toEqual([true, true, false])
    expect([first, second, again].map(({ version }) => version.version)).toEqual([1, 2, 1])
    expect(again.version).toEqual(first.version)
    expect(first.version).toMatchObject({
      id: expect.stringMatching(/^pv_/),
      createdBy: 'vk_ada',
      content: saying('hello'),
    })
  })

  test('are dense and single when fifty are pushed at once', async () => {
    const pushes = Array.from({ length: 50 }, (_, at) => push(`hello ${at}`))

    const outcomes = await Promise.all(pushes)

    const made = outcomes.map(({ version }) => version.version).sort((a, b) => a - b)
    expect(made).toEqual(Array.from({ length: 50 }, (_, at) => at + 1))
    expect(await numbers()).toEqual(made)
  })

  test('are one when the same content is pushed fifty times at once', async () => {
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => push('hello')))

    expect(outcomes.filter(({ created }) => created)).toHaveLength(1)
    expect(new Set(outcomes.map(({ version }) => version.id)).size).toBe(1)
    expect(await numbers()).toEqual([1])
  })

  test('let one of two authors win who both saw the same newest, and tell the other who did', async () => {
    await push('hello')

    const outcomes = await Promise.allSettled([push('hi', 1), push('hey', 1, BOB)])

    const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(lost).toHaveLength(1)
    const error: RequestError = lost[0]?.reason
    expect(error).toMatchObject({ code: 'conflict', param: 'expected_version' })
    expect(error.message).toMatch(/greeting@2 of (ada|bob)/)
    expect(await numbers()).toEqual([1, 2])
  })

  test('refuse an expectation of a newest that is none, and of one that is there', async () => {
    await expect(push('hello', 3)).rejects.toMatchObject({ code: 'conflict' })
    await push('hello', 0)
    await expect(push('hi', 0)).rejects.toMatchObject({ code: 'conflict' })

    expect(await numbers()).toEqual([1])
  })

  test('are never changed, removed or emptied by SQL', async () => {
    await push('hello')
    const { sql } = open()

    for (const statement of [
      `UPDATE prompt_versions SET content = '{}'`,
      `UPDATE prompt_versions SET version = 7`,
      'DELETE FROM prompt_versions',
      'TRUNCATE prompt_versions',
    ]) {
      await expect(sql.unsafe(statement), statement).rejects.toThrow('never changed or removed')
    }
    expect(await numbers()).toEqual([1])
  })

  test('belong to a project: another has its own numbers and sees none of these', async () => {
    await push('hello')
    const theirs = await push('hello', null, STRANGER)

    const found = await getPromptVersion(deps(), { projectId: 'prj_other', name: 'greeting' }, 'newest')
    const list = await listPrompts(deps(), 'prj_other', { cursor: null, limit: 10 })

    expect(theirs).toMatchObject({ created: true, version: { version: 1, projectId: 'prj_other' } })
    expect(found.id).toBe(theirs.version.id)
    expect(list.rows.map(({ id }) => id)).toEqual([theirs.version.id])
    await push('only here', null, ADA, 'private')
    await expect(
      getPromptVersion(deps(), { projectId: 'prj_other', name: 'private' }, 1),
    ).rejects.toMatchObject({ code: 'not_found' })
    await expect(
      listPromptVersions(deps(), { projectId: 'prj_other', name: 'private' }, { cursor: null, limit: 10 }),
    ).rejects.toMatchObject({ code: 'not_found' })
  })

  test('are paged: prompts by name with their newest, versions of one from the newest down', async () => {
    for (const name of ['a', 'b', 'c']) {
      for (const text of ['one', 'two', 'three']) await push(text, null, ADA, name)
    }

    const names = await pagesOf<string>((cursor) => listPrompts(deps(), 'prj_default', { cursor, limit: 2 }))
    const history = await pagesOf<number>((cursor) =>
      listPromptVersions(deps(), { projectId: 'prj_default', name: 'b' }, { cursor, limit: 2 }),
    )

    expect(names.map(({ name, version }) => `${name}@${version}`)).toEqual(['a@3', 'b@3', 'c@3'])
    expect(history.map(({ version }) => version)).toEqual([3, 2, 1])
  })

  test('that are missing are told apart: no such version, no such prompt', async () => {
    await push('hello')

    await expect(getPromptVersion(deps(), { projectId: 'prj_default', name: 'greeting' }, 9)).rejects.toThrow(
      'greeting has no version 9',
    )
    await expect(getPromptVersion(deps(), { projectId: 'prj_default', name: 'greting' }, 1)).rejects.toThrow(
      'no prompt "greting"',
    )
  })
})

async function pagesOf<Cursor extends string | number>(
  read: (
    cursor: Cursor | null,
  ) => Promise<{ rows: { name: string; version: number }[]; nextCursor: Cursor | null }>,
) {
  const all: { name: string; version: number }[] = []
  let cursor: Cursor | null = null
  do {
    const page: Awaited<ReturnType<typeof read>> = await read(cursor)
    all.push(...page.rows)
    cursor = page.nextCursor
  } while (cursor !== null)
  return all
}
