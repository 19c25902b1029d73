/** Many questions to a server that is busy, refuses or is left: over real sockets, with a server that keeps a journal. */

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../../../src/cli/client.ts'
import { askQuestions } from '../../../../src/cli/commands/retrieval/ask-questions.ts'

type Body = { question: string; mode: string; limit: number; per_document: number }
type Journal = { bodies: Body[]; open: number; most: number }

/** `answer` gets the number of the call, from 1. */
async function scripted(answer: (call: number, body: Body, response: ServerResponse) => void) {
  const journal: Journal = { bodies: [], open: 0, most: 0 }
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = JSON.parse(Buffer.concat(parts).toString()) as Body
    journal.bodies.push(body)
    journal.open += 1
    journal.most = Math.max(journal.most, journal.open)
    response.on('close', () => {
      journal.open -= 1
    })
    answer(journal.bodies.length, body, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const client = createClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key: 'vk_x',
  })
  return { client, journal }
}

function found(response: ServerResponse, keys: readonly string[], without: string | null = null): void {
  const chunks = keys.map((key) => ({ document: { key } }))
  response.end(JSON.stringify({ chunks, without }))
}
function refused(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, headers)
  response.end(JSON.stringify({ error: { message: `Refused with ${status}.`, code: 'some_code' } }))
}

const questionsOf = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ id: `q${at}`, text: `Question ${at}?` }))
const askingOf = (count: number, onDone: () => void = () => undefined) => ({
  path: '/api/indexes/shop/1',
  questions: questionsOf(count),
  mode: 'hybrid',
  limit: 10,
  onDone,
})
const goOn = new AbortController().signal

test('each question is one request, at most four at once, and documents rank by their best chunk', async () => {
  let done = 0
  const { client, journal } = await scripted((_call, { question }, response) => {
    setTimeout(() => found(response, [question, 'b', question, 'c']), 20)
  })

  const { rankings } = await askQuestions(
    client,
    askingOf(10, () => {
      done += 1
    }),
    goOn,
  )

  expect(journal.bodies).toHaveLength(10)
  expect(journal.bodies[0]).toEqual({ question: 'Question 0?', mode: 'hybrid', limit: 10, per_document: 1 })
  expect(journal.most).toBe(4)
  expect(done).toBe(10)
  expect(rankings.get('q3')).toEqual(['Question 3?', 'b', 'c'])
})

test.each([
  [429, { 'retry-after-ms': '5' }],
  [503, { 'retry-after': '0' }],
])('a server that answers %d is asked again after the time it says', async (status, headers) => {
  const { client, journal } = await scripted((call, _body, response) => {
    if (call <= 2) refused(response, status, headers)
    else found(response, ['a'])
  })

  const { rankings } = await askQuestions(client, askingOf(1), goOn)

  expect(journal.bodies).toHaveLength(3)
  expect(rankings.get('q0')).toEqual(['a'])
})

test('a server that stays busy is given up after six tries', async () => {
  const { client, journal } = await scripted((_call, _body, response) =>
    refused(response, 429, { 'retry-after-ms': '1' }),
  )

  await expect(askQuestions(client, askingOf(1), goOn)).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining('Question "q0": Refused with 429.'),
  })
  expect(journal.bodies).toHaveLength(6)
})

test('one refusal ends it: nothing more is begun, and no figures are made of the rest', async () => {
  const { client, journal } = await scripted((call, _body, response) => {
    if (call === 1) refused(response, 400)
    else setTimeout(() => found(response, ['a']), 50)
  })

  await expect(askQuestions(client, askingOf(100), goOn)).rejects.toMatchObject({ exitCode: 2 })
  await new Promise((resolve) => setTimeout(resolve, 150))
  expect(journal.bodies.length).toBeLessThanOrEqual(4)
})

test('searches that went without words or vectors are counted', async () => {
  const { client } = await scripted((call, _body, response) =>
    found(response, ['a'], call === 1 ? 'vectors' : call === 2 ? 'words' : null),
  )

  const { without } = await askQuestions(client, askingOf(5), goOn)

  expect(without).toEqual({ words: 1, vectors: 1 })
})

test('a person who has enough gets no figures', async () => {
  const enough = new AbortController()
  const { client, journal } = await scripted((_call, _body, response) => {
    enough.abort()
    found(response, ['a'])
  })

  await expect(askQuestions(client, askingOf(50), enough.signal)).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining('Stopped before every question was asked'),
  })
  expect(journal.bodies.length).toBeLessThanOrEqual(4)
})
