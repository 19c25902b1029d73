import { expect, test } from 'vitest'
import { openRecord } from '../../../src/gateway/open-record.ts'
import { parseBody, type RequestEnvelope } from '../../../src/gateway/request.ts'

const body = parseBody(
  'chat',
  Buffer.from('{"model":"up/judge","messages":[{"role":"user","content":"Hi"}],"user":"ada"}'),
)
const envelope = {
  id: 'req_1',
  method: 'POST',
  path: '/v1/chat/completions',
  operation: 'chat',
  key: { id: 'onl_1', name: 'judge support-answer', projectId: 'prj_default' },
  receivedAtMs: 0,
  startedMs: 0,
  clientRequestId: null,
} as RequestEnvelope

test.each([
  ['the app’s user', undefined, 'ada'],
  ['whose words a judge is shown, where it is told', 'sub_of_bob', 'sub_of_bob'],
])('a request belongs to %s', (_whose, subject, expected) => {
  const record = openRecord({ ...envelope, ...(subject !== undefined && { subject }) }, body, null)

  expect(record.subject).toBe(expected)
})
