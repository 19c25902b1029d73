import { expect, test } from 'vitest'
import { Follower, type FollowerSetup } from '../../../src/db/follower.ts'

/** A follower whose looks and ears do what the test says, and what it told. */
function following(more: Partial<FollowerSetup>) {
  const told: string[] = []
  const text = (error: unknown) => (error as Error).message
  const follower = new Follower({
    listen: async () => async () => undefined,
    pollMs: 60_000,
    look: async () => undefined,
    onProblem: (error) => told.push(`problem: ${text(error)}`),
    onCurrentAgain: () => told.push('current again'),
    onNotListening: (error) => told.push(`deaf: ${text(error)}`),
    ...more,
  })
  return { follower, told }
}

/** What a promise under way still has to say. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('each kind of failure is told once, and that it is over', async () => {
  const outcomes = ['away', 'away', 'slow', null, 'away']
  const { follower, told } = following({
    look: async () => {
      const why = outcomes.shift()
      if (why !== null) throw new Error(why)
    },
  })
  for (let look = 0; look < 5; look += 1) await follower.look()

  expect(told).toEqual(['problem: away', 'problem: slow', 'current again', 'problem: away'])
  expect(follower.problem).toBe('away')
})

test('a LISTEN that is refused at every look is told once, and the looks go on', async () => {
  let looks = 0
  const { follower, told } = following({
    listen: () => Promise.reject(new Error('no LISTEN here')),
    look: async () => {
      looks += 1
    },
  })
  for (let look = 0; look < 4; look += 1) {
    await follower.look()
    await settled()
  }

  expect([looks, told, follower.problem]).toEqual([4, ['deaf: no LISTEN here'], null])
})

test('a call during a look makes one more, which sees what it was called for', async () => {
  let version = 1
  const seen: number[] = []
  const { follower } = following({
    look: async () => {
      seen.push(version)
      await settled()
    },
  })
  const first = follower.look()
  version = 2
  await Promise.all([first, follower.look(), follower.look()])

  expect(seen).toEqual([1, 2])
})
