import { expect, test } from 'vitest'
import { createFlood, networkOf, type Reject } from '../../../src/audit/flood.ts'
import type { AuditLog, CloseRecord } from '../../../src/audit/record.ts'

const reject: Reject = {
  clientAddress: '203.0.113.7',
  errorCode: 'invalid_api_key',
  status: 401,
  method: 'POST',
  path: '/v1/chat/completions',
  operation: 'chat',
  requestBytes: 10,
}

type Written = CloseRecord & { network: string }

function journal(): { log: AuditLog; written: Written[]; failing: { on: boolean } } {
  const written: Written[] = []
  const failing = { on: false }
  const log: AuditLog = {
    open: () => Promise.resolve(),
    part: () => undefined,
    close: () => Promise.resolve(),
    whole: (_open, close, body) => {
      if (failing.on) return Promise.reject(new Error('full'))
      written.push({ ...close, network: (JSON.parse(body.toString()) as { network: string }).network })
      return Promise.resolve()
    },
  }
  return { log, written, failing }
}

function clockAt(time: { ms: number }) {
  return { nowMs: () => time.ms, monotonicMs: () => time.ms }
}

test('a thousand rejects of one network and second are one record that counts them', async () => {
  const { log, written } = journal()
  const flood = createFlood(log, clockAt({ ms: 1_763_900_000_000 }), () => undefined)

  for (let host = 0; host < 1000; host += 1)
    flood.add({ ...reject, clientAddress: `203.0.113.${host % 250}` })
  await flood.end()

  expect(written).toMatchObject([
    { occurrences: 1000, outcome: 'rejected', status: 401, network: '203.0.113.0/24' },
  ])
})

test('networks, codes and seconds are told apart', async () => {
  const { log, written } = journal()
  const time = { ms: 1_763_900_000_000 }
  const flood = createFlood(log, clockAt(time), () => undefined)

  flood.add(reject)
  flood.add({ ...reject, clientAddress: '198.51.100.1' })
  flood.add({ ...reject, errorCode: 'not_found', status: 404 })
  time.ms += 1000
  flood.add(reject)
  await flood.end()

  expect(written.map(({ occurrences }) => occurrences)).toEqual([1, 1, 1, 1])
})

test('a flood from a hundred thousand networks stays bounded and loses no count', async () => {
  const { log, written } = journal()
  const flood = createFlood(log, clockAt({ ms: 1_763_900_000_000 }), () => undefined)

  for (let at = 0; at < 100_000; at += 1) {
    flood.add({ ...reject, clientAddress: `${at >> 16}.${(at >> 8) & 255}.${at & 255}.1` })
  }
  await flood.end()

  expect(written.length).toBeLessThanOrEqual(1001)
  expect(written.reduce((sum, { occurrences }) => sum + occurrences, 0)).toBe(100_000)
})

test('counts the log refused are written when it takes them again', async () => {
  const { log, written, failing } = journal()
  const flood = createFlood(log, clockAt({ ms: 1_763_900_000_000 }), () => undefined)
  failing.on = true
  flood.add(reject)
  flood.add(reject)

  const refused = await flood.flush().catch((error: Error) => error.message)
  failing.on = false
  flood.add(reject)
  await flood.end()

  expect(refused).toBe('full')
  expect(written).toMatchObject([{ occurrences: 3 }])
})

test.each([
  ['203.0.113.77', '203.0.113.0/24'],
  ['::ffff:203.0.113.77', '203.0.113.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
  ['2001:db8::6', '2001:db8:0::/48'],
  ['fe80::1%eth0', 'fe80:0:0::/48'],
  ['::1', '0:0:0::/48'],
])('%s belongs to %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
