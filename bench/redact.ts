/**
 * What redaction costs the event loop: microseconds per body and megabytes per second, for bodies with nothing in them
 * and for hostile ones. Rounds alternate between all cases and the best counts. `node bench/redact.ts`
 */

import { createRedactor, type Redactor } from '../src/audit/redact/redactor.ts'
import { DEFAULT_KIND_ACTIONS, REDACTED_KINDS, type RedactedKind } from '../src/lib/redaction-rules.ts'

const ROUNDS = 7
const MIN_ROUND_MS = 40
const MIB = 1024 ** 2

const PROSE =
  'The invoice of 2026-03-14 over 1,250.50 was sent to the customer (order 20260314-0042), who answered: "We paid it ' +
  'last_week, top-right of the task_list." Which of the two is right?\nSee request req_01k9z3v5w8x7 at 10:42:07Z.\n'

function chat(bytes: number): Buffer {
  const content = PROSE.repeat(Math.ceil(bytes / PROSE.length)).slice(0, bytes)
  return Buffer.from(
    JSON.stringify({
      model: 'support-answer',
      messages: [{ role: 'user', content }],
      temperature: 0.2,
      max_tokens: 512,
    }),
  )
}

function event(content: string): string {
  const choices = [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }]
  const head = {
    id: 'chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG',
    object: 'chat.completion.chunk',
    created: 1741570283,
  }
  return `data: ${JSON.stringify({ ...head, model: 'gpt-4o-mini-2024-07-18', choices })}\n\n`
}

/** One event per token of about four letters. */
function events(bytes: number): Buffer {
  const tokens = PROSE.match(/.{1,4}/gs) ?? []
  let text = ''
  for (let at = 0; text.length < bytes; at += 1) text += event(tokens[at % tokens.length] ?? '')
  return Buffer.from(text)
}

function embeddings(bytes: number): Buffer {
  const numbers = Array.from({ length: bytes / 22 }, (_, at) => Math.sin(at) / 3)
  return Buffer.from(JSON.stringify({ object: 'list', data: [{ index: 0, embedding: numbers }] }))
}

function picture(bytes: number): Buffer {
  const data = Buffer.from(
    Uint8Array.from({ length: (bytes / 4) * 3 }, (_, at) => (at * at * 31 + at * 7) >> 3),
  )
  return Buffer.from(
    JSON.stringify({ image_url: { url: `data:image/png;base64,${data.toString('base64')}` } }),
  )
}

const filled = (piece: string, bytes: number) =>
  Buffer.from(JSON.stringify({ content: piece.repeat(bytes / piece.length) }))

const DEFAULTS = createRedactor({ kinds: DEFAULT_KIND_ACTIONS, patterns: [] }, Buffer.alloc(32))
const all = Object.fromEntries(REDACTED_KINDS.map((kind) => [kind, 'mask'])) as Record<RedactedKind, 'mask'>
const EVERYTHING = createRedactor({ kinds: all, patterns: [] }, Buffer.alloc(32))
const PATTERN = createRedactor(
  {
    kinds: DEFAULT_KIND_ACTIONS,
    patterns: [{ name: 'staff', regex: '(?i)\\bemp-\\d{5,8}\\b', action: 'mask' }],
  },
  Buffer.alloc(32),
)

const whole = (redactor: Redactor) => (body: Buffer) => void redactor.redact(body)

const CASES: readonly { name: string; body: Buffer; run: (body: Buffer) => void }[] = [
  { name: 'chat 2 KB, nothing found', body: chat(2048), run: whole(DEFAULTS) },
  { name: 'chat 2 KB, all kinds on', body: chat(2048), run: whole(EVERYTHING) },
  { name: 'chat 2 KB, one pattern', body: chat(2048), run: whole(PATTERN) },
  {
    name: 'chat 2 KB, one key',
    body: Buffer.from(chat(2048).toString().replace('the customer', 'sk-proj-abcdefgh0123456789')),
    run: whole(DEFAULTS),
  },
  { name: 'chat 1 MB, nothing found', body: chat(MIB), run: whole(DEFAULTS) },
  { name: 'chat 1 MB, all kinds on', body: chat(MIB), run: whole(EVERYTHING) },
  { name: 'chat 1 MB, one pattern', body: chat(MIB), run: whole(PATTERN) },
  {
    name: 'chat 1 MB, one key',
    body: Buffer.from(`${chat(MIB).toString().slice(0, -60)} sk-proj-abcdefgh0123456789"}`),
    run: whole(DEFAULTS),
  },
  { name: 'embeddings 1 MB', body: embeddings(MIB), run: whole(DEFAULTS) },
  { name: 'picture 1 MB', body: picture(MIB), run: whole(DEFAULTS) },
  { name: 'stream 200 KB of tokens', body: events(200 * 1024), run: whole(DEFAULTS) },
  { name: 'stream 200 KB, one pattern', body: events(200 * 1024), run: whole(PATTERN) },
  { name: 'hostile 1 MB: sk-sk-sk-', body: filled('sk-', MIB), run: whole(EVERYTHING) },
  { name: 'hostile 1 MB: short JWTs', body: filled('eyJhbGciOjF9. ', MIB), run: whole(EVERYTHING) },
  {
    name: 'hostile 1 MB: PEM begins',
    body: filled('-----BEGIN PRIVATE KEY-----', MIB),
    run: whole(EVERYTHING),
  },
  { name: 'hostile 1 MB: digit groups', body: filled('4444 ', MIB), run: whole(EVERYTHING) },
  { name: 'hostile 1 MB: a@a@', body: filled('a@', MIB), run: whole(EVERYTHING) },
  { name: 'hostile 1 MB: IBAN heads', body: filled('LC55 HEMM ', MIB), run: whole(EVERYTHING) },
]

function measureUs(run: (body: Buffer) => void, body: Buffer): number {
  let runs = 0
  const startedMs = performance.now()
  let elapsedMs = 0
  while (elapsedMs < MIN_ROUND_MS) {
    run(body)
    runs += 1
    elapsedMs = performance.now() - startedMs
  }
  return (elapsedMs / runs) * 1000
}

const best = new Map(CASES.map(({ name }) => [name, Number.POSITIVE_INFINITY]))
for (let round = 0; round < ROUNDS; round += 1) {
  for (const { name, body, run } of CASES) best.set(name, Math.min(best.get(name) ?? 0, measureUs(run, body)))
}
console.log(`${'body'.padEnd(30)}${'us'.padStart(12)}${'MB/s'.padStart(10)}`)
for (const { name, body } of CASES) {
  const us = best.get(name) ?? Number.NaN
  console.log(`${name.padEnd(30)}${us.toFixed(1).padStart(12)}${(body.length / us).toFixed(0).padStart(10)}`)
}
const eventCount =
  events(200 * 1024)
    .toString()
    .split('\n\n').length - 1
console.log(
  `per streamed event: ${((best.get('stream 200 KB of tokens') ?? 0) / eventCount).toFixed(2)} us (${eventCount} events)`,
)
