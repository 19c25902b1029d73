/** Only the digest of what was sent decides; whatever stands in a row, nothing is thrown and nothing is claimed. */

import { hash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RebuildInput, rebuildSent } from '../../../src/gateway/rebuild.ts'
import { parseBody } from '../../../src/gateway/request.ts'
import { upstreamBody } from '../../../src/gateway/upstream-body.ts'
import { answers, playedProvider } from './parts.ts'

const BODY = Buffer.from('{"model":"route", "messages":[{"role":"user","content":"hi"}],"stream":true}')
const OPENAI = { ...playedProvider([answers()]), encode: ({ body }: { body: Buffer }) => [body] }

function attempt(sentDigest: string | null): RebuildInput['attempt'] {
  const rest = {
    startedMs: 0,
    durationMs: 1,
    status: 200,
    error: null,
    detail: null,
    upstreamRequestId: null,
  }
  return { upstream: 'up', model: 'gpt', ...rest, sentDigest }
}

function input(changes: Partial<RebuildInput> = {}): RebuildInput {
  const sent = upstreamBody(parseBody('chat', BODY), 'gpt', true)
  return {
    requestId: 'req_1',
    operation: 'chat',
    body: BODY,
    attempt: attempt(hash('sha256', sent, 'hex')),
    provider: OPENAI,
    release: null,
    contexts: null,
    ...changes,
  }
}

describe('a rebuilt request', () => {
  test('is equal whether the upstream is still configured or not', () => {
    expect(rebuildSent(input())).toMatchObject({ state: 'equal', reason: null })
    expect(rebuildSent(input({ provider: null }))).toMatchObject({ state: 'equal', reason: null })
  })

  test('differs when one letter of the kept body is another, and says why it may', () => {
    const redacted = Buffer.from(BODY.toString().replace('hi', '[redacted]'))

    const rebuilt = rebuildSent(input({ body: redacted }))

    expect(rebuilt).toMatchObject({ state: 'differs', reason: expect.stringContaining('redacted') })
    expect(rebuilt.rebuiltDigest).not.toBe(rebuilt.sentDigest)
  })

  test('is not made of a body that is cut, gone or of an operation nobody knows', () => {
    const cut = rebuildSent(input({ body: BODY.subarray(0, 30) }))

    expect(cut).toMatchObject({ state: 'not_rebuilt', bytes: null, reason: expect.stringContaining('JSON') })
    expect(rebuildSent(input({ body: null }))).toMatchObject({ state: 'not_rebuilt' })
    expect(rebuildSent(input({ operation: 'unknown' }))).toMatchObject({ state: 'not_rebuilt' })
  })

  test('is not made where nothing was sent, or where nothing is sent any more', () => {
    const { encode: _encode, ...local } = OPENAI

    expect(rebuildSent(input({ attempt: attempt(null) }))).toMatchObject({ state: 'not_rebuilt' })
    expect(rebuildSent(input({ provider: local }))).toMatchObject({ state: 'not_rebuilt' })
  })

  test('is never called equal unless it has the digest, whatever bytes the log holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const rebuilt = rebuildSent(input({ body: Buffer.from(bytes) }))

        expect(rebuilt.state).not.toBe('equal')
      }),
    )
  })
})
