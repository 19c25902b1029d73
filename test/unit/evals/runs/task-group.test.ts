import { expect, test } from 'vitest'
import { createTaskGroup } from '../../../../src/evals/runs/task-group.ts'

const never = () => new AbortController().signal

/** Tasks that end when they are told to, in any order. */
function hanging() {
  const ends: PromiseWithResolvers<void>[] = []
  const task = async () => {
    const end = Promise.withResolvers<void>()
    ends.push(end)
    await end.promise
  }
  return { ends, task }
}

test('a group has as many tasks under way as its limit says', async () => {
  const group = createTaskGroup(2, never())
  const { ends, task } = hanging()
  const begun = async () => {
    await group.room()
    group.begin(task)
  }
  await begun()
  await begun()
  const third = begun()
  await Promise.resolve()
  const before = group.size
  ends[1]?.resolve()
  await third
  const after = group.size
  for (const end of ends) end.resolve()
  await group.allEnded()

  expect([before, after, ends.length, group.size]).toEqual([2, 2, 3, 0])
})

test('a group ends the others with the first that fails, waits for them, and throws its error', async () => {
  const group = createTaskGroup(4, never())
  const { ends, task } = hanging()
  const failed = new Error('It failed.')
  group.begin(task)
  group.begin(() => Promise.reject(failed))
  await group.oneEnded()
  const reason = group.signal.reason
  group.begin(() => Promise.reject(new Error('It failed too.')))
  ends[0]?.resolve()

  await expect(group.allEnded()).rejects.toBe(failed)
  expect([reason, group.size]).toEqual([failed, 0])
})

test('a group hears of the signal that it was given, and stopping it throws nothing', async () => {
  const given = new AbortController()
  const group = createTaskGroup(4, given.signal)
  group.begin(
    () =>
      new Promise((_, reject) => group.signal.addEventListener('abort', () => reject(group.signal.reason))),
  )
  given.abort(new Error('The process stops.'))
  await group.stop()

  expect(group.signal.reason).toEqual(new Error('The process stops.'))
  expect(group.size).toBe(0)
  await group.oneEnded()
})
