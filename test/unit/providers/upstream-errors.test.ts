/** What an upstream's failure becomes: our code, whether another try may help, and never its own words to the caller. */

import { describe, expect, test } from 'vitest'
import { errorFromNetwork, errorFromStatus } from '../../../src/providers/upstream-errors.ts'

const said = (detail = '') => ({ headers: {}, detail, upstreamRequestId: null })

describe('a status', () => {
  test.each([
    [301, 'upstream_malformed', false],
    [400, 'upstream_refused', false],
    [401, 'upstream_auth', true],
    [402, 'upstream_auth', true],
    [403, 'upstream_auth', true],
    [404, 'model_not_found', false],
    [408, 'upstream_timeout', true],
    [409, 'upstream_unavailable', true],
    [413, 'body_too_large', false],
    [422, 'upstream_refused', false],
    [429, 'upstream_rate_limited', true],
    [500, 'upstream_unavailable', true],
    [503, 'upstream_unavailable', true],
    [504, 'upstream_timeout', true],
    [529, 'upstream_unavailable', true],
  ])('of %i is %s', (status, code, retryable) => {
    expect(errorFromStatus('lab', status, said())).toMatchObject({ code, retryable, upstreamStatus: status })
  })

  test('never makes the caller’s own credentials look wrong', () => {
    for (const status of [401, 402, 403]) expect(errorFromStatus('lab', status, said()).status).toBe(502)
  })
})

describe('the vendor’s body', () => {
  test('gives code and param when they are identifiers, and its words to the log alone', () => {
    const body = JSON.stringify({
      error: { message: 'inner words', code: 'context_length_exceeded', param: 'messages' },
    })

    const error = errorFromStatus('lab', 400, said(body))

    expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'messages', detail: body })
    expect(error.message).not.toContain('inner words')
  })

  test.each(['<html>', '{"half', '[]', '{"error":"x"}', '{"error":{"code":"two words","param":5}}', ''])(
    '%j gives neither',
    (body) => {
      const error = errorFromStatus('lab', 400, said(body))

      expect(error).toMatchObject({ code: 'upstream_refused', param: null })
      expect(error.message).toContain('(400)')
    },
  )
})

describe('a broken connection', () => {
  const broken = (code: string) => Object.assign(new Error('x'), { code })

  test.each([
    ['ECONNREFUSED', false, 'upstream_unavailable'],
    ['ECONNRESET', true, 'upstream_cut'],
    ['UND_ERR_CONNECT_TIMEOUT', false, 'upstream_timeout'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', false, 'upstream_tls'],
    ['CERT_HAS_EXPIRED', false, 'upstream_tls'],
    ['HPE_INVALID_CONSTANT', false, 'upstream_malformed'],
  ])('%s (head seen: %s) is %s', (code, started, ours) => {
    expect(errorFromNetwork('lab', broken(code), started)).toMatchObject({ code: ours, retryable: true })
  })
})
