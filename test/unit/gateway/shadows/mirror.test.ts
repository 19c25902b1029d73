/** The mirror beside the data plane: after the answer, out of the way, in bounds, and on the log under its own name. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { serveRequest } from '../../../../src/gateway/serve.ts'
import { createLedger } from '../../../../src/gateway/shadows/ledger.ts'
import { createMirror } from '../../../../src/gateway/shadows/mirror.ts'
import type { ShadowData } from '../../../../src/registry/releases/registry-data.ts'
import {
  answers,
  bodyBytes,
  envelopeOf,
  fails,
  type Play,
  playedProvider,
  snapshotOf,
  testDeps,
  upstreamOf,
  writtenClient,
} from '../parts.ts'
import { answered, bookWith, othersSpent, SHADOW } from './parts.ts'

const NEVER: Play = (_sink, call) => call.onSend?.(call.body)

/** A gateway with one upstream, where the candidate's model does what `play` says and the app's answers. */
function gateway(
  play: Play,
  { shadow = {}, parameters = {} }: { shadow?: Partial<ShadowData>; parameters?: object } = {},
) {
  const provider = playedProvider([
    (sink, call) => (call.model === 'new-1' ? play(sink, call) : answers()(sink, call)),
  ])
  let book = bookWith([{ ...SHADOW, ...shadow }], { parameters })
  const snapshot = () => ({ ...snapshotOf([upstreamOf('up', provider)]), registry: book })
  const ledger = createLedger()
  const deps = testDeps({ snapshot })
  ledger.learn('shd_1', othersSpent(0n), deps.clock.nowMs())
  const mirror = createMirror(deps, ledger)
  const offer = (body: object = {}, id = 'req_app') => mirror.offer(answered(deps, book, { id, body }))
  return {
    deps,
    ledger,
    mirror,
    offer,
    calls: () => provider.calls.filter(({ model }) => model === 'new-1'),
    stopShadow: () => {
      book = bookWith([])
    },
    tally: () => ledger.tallyOf('shd_1'),
    rows: () => deps.audit.closes.map(({ record }) => record.outcome),
  }
}

/** Everything that can go on without a clock or an upstream has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await nextTurn()
}

describe('a mirrored call', () => {
  test('begins when the answer of the app is out, and is on the log as what it is', async () => {
    const { deps, mirror, calls } = gateway(answers())
    const client = writtenClient()
    const early: boolean[] = []
    await serveRequest(
      { ...deps, offerToShadow: mirror.offer },
      envelopeOf(deps),
      bodyBytes({ model: 'answer' }),
      {
        ...client,
        end(bytes) {
          early.push(calls().length > 0)
          client.end(bytes)
        },
      },
    )
    const atEnd = calls().length
    await settled()

    expect([early, atEnd, calls().length]).toEqual([[false], 0, 1])
    expect(deps.audit.opens).toMatchObject([
      { id: 'req_1', release: 'rel_1' },
      { id: expect.stringMatching(/^req_/), shadowOf: 'req_1', release: 'rel_2', clientRequestId: 'shd_1' },
    ])
    expect(deps.audit.opens[0]).not.toHaveProperty('shadowOf')
    expect(deps.bugs).toEqual([])
  })

  test('takes no place of the key, and is not tried again', async () => {
    let taken = 0
    const admission = {
      acquire: () => {
        taken += 1
        return { headers: {}, release() {} }
      },
    }
    const { deps, offer, calls, rows } = gateway(fails())
    deps.admission = admission
    offer()
    await settled()

    // Retries are left out: the release has three.
    expect([taken, calls().length, rows()]).toEqual([0, 1, ['upstream_error']])
  })

  test('asks for no stream, whatever the app asked for', async () => {
    const { offer, calls, deps } = gateway(answers())
    offer({ stream: true, stream_options: { include_usage: true } })
    await settled()

    const sent = JSON.parse(calls()[0]?.body.toString() ?? '{}') as object
    expect(sent).toEqual({ model: 'new-1', messages: [{ role: 'user', content: 'hi' }] })
    expect(deps.audit.opens[0]).toMatchObject({ stream: false })
  })

  test('of what the candidate cannot take is a refusal on the log, with the candidate’s name', async () => {
    const { deps, offer, rows, calls } = gateway(answers())
    offer({ messages: [], prompt: { variables: { q: 'x' } } })
    await settled()

    expect([calls().length, rows()]).toEqual([0, ['rejected']])
    expect(deps.audit.opens[0]).toMatchObject({ release: 'rel_2', shadowOf: 'req_app' })
  })
})

describe('the mirror', () => {
  test('has eight calls under way, 64 waiting, and drops the rest', async () => {
    const { offer, calls, tally, mirror } = gateway(NEVER)
    for (let sent = 0; sent < 80; sent += 1) {
      offer({ max_tokens: 1 }, `req_${sent}`)
      if (sent === 7) await settled()
    }
    await settled()
    expect([calls().length, tally().dropped]).toEqual([8, 8])

    await mirror.stop()
    expect(tally().dropped).toBe(72)
  })

  test('holds no more than 16 MiB of what waits', async () => {
    const { offer, tally } = gateway(NEVER, { shadow: { budget: '1000000000000' } })
    const content = 'x'.repeat(6 * 1024 * 1024)
    for (let sent = 0; sent < 4; sent += 1) offer({ messages: [{ role: 'user', content }] }, `req_${sent}`)
    await settled()

    expect(tally().dropped).toBe(2)
  })

  test('sends nothing of a shadow that ended while it waited', async () => {
    const { offer, stopShadow, calls, tally } = gateway(answers())
    offer()
    stopShadow()
    await settled()

    expect([calls().length, tally().dropped]).toEqual([0, 1])
  })

  test('ends what is under way when the process stops, each with its row', async () => {
    const { offer, mirror, rows, tally } = gateway(NEVER)
    offer({ max_tokens: 1 }, 'req_1')
    await settled()
    await mirror.stop()
    offer({}, 'req_2')

    expect(rows()).toEqual(['client_abort'])
    // The upstream may have done the work: what was reserved is kept back.
    expect(tally()).toMatchObject({ dropped: 1 })
    expect(tally().held).toBeGreaterThan(0n)
  })

  test.each<[string, object, object]>([
    ['asks to be stored', { store: true }, {}],
    ['is stored by the release', {}, { store: true }],
    ['may cost more than the budget', { max_tokens: 1_000_000 }, {}],
  ])('skips what %s', async (_what, body, parameters) => {
    const { offer, calls, tally } = gateway(answers(), { parameters })
    offer(body)
    await settled()

    expect([calls().length, tally().skipped]).toEqual([0, 1])
  })

  test('settles what a call cost, and nothing for one that the upstream refused', async () => {
    const spending = gateway(answers(), { shadow: { budget: '8300' } })
    spending.offer({}, 'req_1')
    await settled()
    spending.offer({}, 'req_2')
    await settled()
    const refusing = gateway(fails({ retryable: false, upstreamStatus: 400 }, 'upstream_refused'))
    refusing.offer()
    await settled()

    // 3 tokens in and 5 out cost 13 micro-USD, and about 8,260 are reserved for each.
    expect(spending.calls()).toHaveLength(2)
    expect(refusing.tally().held).toBe(0n)
  })
})
