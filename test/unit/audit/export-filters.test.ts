import { expect, test } from 'vitest'
import { filtersToWire } from '../../../src/audit/export/manifest.ts'

test('a manifest names every filter its rows were chosen by', () => {
  const words = filtersToWire({
    sinceMs: 0,
    untilMs: 1000,
    keyId: 'vk_a',
    keyName: 'ada',
    subject: 'sub_a',
    model: 'm',
    route: 'r',
    status: { from: 500, to: 599 },
    outcome: 'timeout',
    upstream: 'openai',
    failed: true,
    replayOf: 'req_a',
    shadowOf: 'req_b',
    shadow: true,
    stream: false,
  })

  expect(words).toEqual({
    since: '1970-01-01T00:00:00.000Z',
    until: '1970-01-01T00:00:01.000Z',
    key: 'vk_a',
    key_owner: 'ada',
    subject: 'sub_a',
    model: 'm',
    route: 'r',
    status: '5xx',
    outcome: 'timeout',
    upstream: 'openai',
    failed: 'true',
    replay_of: 'req_a',
    shadow_of: 'req_b',
    shadow: 'true',
    stream: 'false',
  })
})
