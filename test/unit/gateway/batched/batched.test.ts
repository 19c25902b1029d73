/** A request of a batch is the one that a call would have sent: same bytes, same passages, and a log row that says the same. */

import { expect, test } from 'vitest'
import { batchedRow } from '../../../../src/gateway/batched/record.ts'
import { renderBatched } from '../../../../src/gateway/batched/render.ts'
import { planBatched } from '../../../../src/gateway/batched/target.ts'
import { serveRequest } from '../../../../src/gateway/serve.ts'
import { silentClient } from '../../../../src/gateway/shadows/silent-client.ts'
import type { Batches } from '../../../../src/providers/batches.ts'
import { contentOf } from '../../../../src/registry/content.ts'
import { RegistryBook } from '../../../../src/registry/releases/book.ts'
import { EMPTY_REGISTRY } from '../../../../src/registry/releases/registry-data.ts'
import {
  ANSWER,
  answers,
  bodyBytes,
  envelopeOf,
  playedProvider,
  snapshotOf,
  testDeps,
  upstreamOf,
  writtenClient,
} from '../parts.ts'

const PROJECT = 'prj_default'
const MODEL = contentOf({ upstream: 'up', model: 'm-1', parameters: { temperature: 1, top_p: 0.5 } })
const PROMPT = contentOf({
  messages: [
    { role: 'system', content: '{{#contexts}}[{{number}}] {{text}}\n{{/contexts}}' },
    { role: 'user', content: '{{question}}' },
  ],
  variables: { type: 'object', required: ['question'], properties: { question: { type: 'string' } } },
})
const INDEX = {
  version: { name: 'handbook', version: 5, hash: 'h' },
  question: 'question',
  retrieval: { limit: 2 },
}
const RELEASE = contentOf({
  route: 'answer',
  prompt: { name: 'p', version: 1, hash: PROMPT.hash },
  index: INDEX,
  targets: [{ model: { name: 'm', version: 1, hash: MODEL.hash }, weight: null }],
  parameters: { temperature: 0 },
  retries: 0,
})
const version = { projectId: PROJECT, version: 1 }
const BOOK = new RegistryBook({
  ...EMPTY_REGISTRY,
  prompts: [{ ...version, name: 'p', hash: PROMPT.hash, content: PROMPT.text }],
  models: [{ ...version, name: 'm', hash: MODEL.hash, content: MODEL.text }],
  releases: [
    {
      id: 'rel_1',
      projectId: PROJECT,
      route: 'answer',
      number: 1,
      hash: RELEASE.hash,
      content: RELEASE.text,
    },
  ],
})
const CHUNK = { documentHash: 'd', score: 1, cosine: 0.5, ranks: {} }
const CHUNKS = [
  { ...CHUNK, chunk: 3, key: 'returns.md', text: 'Shoes may be returned.' },
  { ...CHUNK, chunk: 9, key: 'refunds.md', text: '[7] Refunds take a week.' },
]

function parts() {
  const provider = playedProvider([answers()])
  const { calls } = provider
  const taking = { ...provider, batches: {} as Batches }
  const snapshot = { ...snapshotOf([upstreamOf('up', taking)]), registry: BOOK }
  const retrieve = async () => ({ chunks: CHUNKS, without: null, durationMs: 4 }) as never
  const deps = testDeps({ snapshot: () => snapshot, retrieve })
  const envelope = envelopeOf(deps)
  const bytes = Buffer.from(
    JSON.stringify({ model: 'answer@r1', prompt: { variables: { question: 'May I?' } }, seed: 7 }),
  )
  return { deps, envelope, bytes, calls, batched: planBatched(snapshot, envelope.key, 'answer@r1') }
}

test('a release with a prompt and an index sends the bytes of a call', async () => {
  const { deps, envelope, bytes, calls, batched } = parts()

  const rendered = await renderBatched(deps, batched, { envelope, bytes }, silentClient())
  await serveRequest(deps, envelope, bytes, writtenClient())

  expect(rendered.sent.toString()).toBe(calls[0]?.body.toString())
  expect(JSON.parse(rendered.sent.toString())).toMatchObject({
    model: 'm-1',
    temperature: 0,
    top_p: 0.5,
    seed: 7,
    messages: [
      { role: 'system', content: expect.stringContaining('[2] (7) Refunds take a week.') },
      { role: 'user', content: 'May I?' },
    ],
  })
  expect(rendered.retrieval?.chunks.map(({ key }) => key)).toEqual(['returns.md', 'refunds.md'])
})

test('its row says what the row of a call says, but for how it went', async () => {
  const { deps, envelope, bytes, batched } = parts()
  const { sentDigest, record: retrieval } = await renderBatched(
    deps,
    batched,
    { envelope, bytes },
    silentClient(),
  )
  await serveRequest(deps, envelope, bytes, writtenClient())
  const body = Buffer.from(JSON.stringify(ANSWER))

  const end = { kind: 'answered', body, requestId: 'up-1' } as const
  const request = { envelope, bytes, sentDigest, retrieval }
  const { row, settled } = batchedRow(deps, batched, request, end)

  const [opened] = deps.audit.opens
  const [closed] = deps.audit.closes
  const [open, close, requestBody, responseBody] = row
  const { attempts, durationMs, ttftMs, ...said } = close
  expect(open).toEqual(opened)
  expect(requestBody.toString()).toBe(deps.audit.requests[0]?.toString())
  expect(responseBody.toString()).toBe(closed?.body)
  expect(closed?.record).toMatchObject(said)
  expect(attempts).toMatchObject([
    { upstream: 'up', model: 'm-1', modelVersion: 'm@1', status: 200, sentDigest },
  ])
  expect({ durationMs, ttftMs }).toEqual({ durationMs: 0, ttftMs: null })
  expect(settled).toMatchObject({ kind: 'answered', cost: null })
})

test('what a release refuses of a call it refuses of a batch, before the index is asked', async () => {
  const { deps, envelope, batched } = parts()
  const render = async (body: object) =>
    await renderBatched(deps, batched, { envelope, bytes: bodyBytes(body) }, silentClient())

  await expect(render({ model: 'answer@r1', messages: undefined })).rejects.toMatchObject({ status: 400 })
  await expect(
    render({ model: 'answer@r1', prompt: { variables: { question: 'May I?', contexts: [] } } }),
  ).rejects.toMatchObject({ code: 'invalid_variables', param: '/contexts' })
})
