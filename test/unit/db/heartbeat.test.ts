import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { whileBeating } from '../../../src/db/heartbeat.ts'

test('beats while the work goes on, one beat at a time, and not after it', async () => {
  let beats = 0
  let atOnce = 0
  let mostAtOnce = 0
  const beat = async () => {
    beats += 1
    atOnce += 1
    mostAtOnce = Math.max(mostAtOnce, atOnce)
    await sleep(15)
    atOnce -= 1
  }

  const result = await whileBeating(beat, () => sleep(100, 'done'), 5)
  const after = beats
  await sleep(30)

  expect(result).toBe('done')
  expect(after).toBeGreaterThan(2)
  expect(mostAtOnce).toBe(1)
  expect(beats).toBe(after)
})

test('a beat that fails is no failure of the work, and a failure of the work is told', async () => {
  const broken = () => Promise.reject(new Error('The database is away.'))

  expect(await whileBeating(broken, () => sleep(30, 'done'), 5)).toBe('done')
  await expect(whileBeating(broken, () => Promise.reject(new Error('work')), 5)).rejects.toThrow('work')
})
