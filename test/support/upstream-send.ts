/**
 * Puts an answer on the wire the way a script asks: encoding of events, splits, cuts, stalls, raw bytes.
 * Never decides what the answer says (openai-wire.ts does).
 */
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { type Answer, errorAnswer, type WireEvent } from './openai-wire.ts'
import type { Script } from './upstream-script.ts'

const LINE_ENDS = { lf: '\n', crlf: '\r\n', cr: '\r' } as const

/** One element per event, so that cuts and delays can count them. */
function encodeEvents(events: readonly WireEvent[], done: boolean, script: Script): Buffer[] {
  const end = LINE_ENDS[script.lineEnd ?? 'lf']
  const field = (name: string, value: string) => `${name}:${script.tight ? '' : ' '}${value}${end}`
  const blocks = events.map(({ name, data }) => {
    const comment = script.comments ? `: keep-alive${end}${end}` : ''
    return `${comment}${name === undefined ? '' : field('event', name)}${field('data', JSON.stringify(data))}${end}`
  })
  if (script.errorEventAfter !== undefined) {
    blocks.length = Math.min(blocks.length, script.errorEventAfter)
    blocks.push(
      `${field('data', JSON.stringify(errorAnswer(500, 'The upstream failed in mid-stream.')))}${end}`,
    )
  } else if (done && script.done !== false) {
    blocks.push(`${field('data', '[DONE]')}${end}`)
  }
  if (script.afterDone !== undefined) blocks.push(script.afterDone)
  if (script.bom && blocks[0] !== undefined) blocks[0] = `\uFEFF${blocks[0]}`
  return blocks.map((block) => Buffer.from(block))
}

/** Splits one buffer into the writes a script asks for. */
function writesOf(buffer: Buffer, split: Script['split']): Buffer[] {
  if (split === 'byte') return Array.from(buffer, (_, at) => buffer.subarray(at, at + 1))
  if (split !== 'utf8') return [buffer]
  const writes: Buffer[] = []
  let from = 0
  for (let at = 1; at < buffer.length; at += 1) {
    // A continuation byte (10xxxxxx) right after a lead byte: cut inside the character.
    if (((buffer[at] ?? 0) & 0xc0) === 0x80 && ((buffer[at - 1] ?? 0) & 0xc0) === 0xc0) {
      writes.push(buffer.subarray(from, at))
      from = at
    }
  }
  writes.push(buffer.subarray(from))
  return writes
}

/** Ends the response abruptly, or `end`s it as if nothing were missing. */
async function cut(response: ServerResponse, script: Script): Promise<void> {
  const socket = response.socket
  if (script.cutBy === 'end') return void response.end()
  // Give what was written a chance to leave: a reset may throw away what the peer has not read.
  await sleep(10)
  if (socket === null) return
  if (script.cutBy === 'reset') socket.resetAndDestroy()
  else if (script.cutBy === 'half-close') socket.end()
  else socket.destroy()
}

async function pause(response: ServerResponse, delayMs: number | undefined): Promise<void> {
  if (delayMs !== undefined && delayMs > 0) await sleep(delayMs)
  else if (response.writableNeedDrain) {
    await new Promise<void>((resolve) => {
      response.once('drain', resolve)
      response.once('close', resolve)
    })
  }
}

async function sendBlocks(
  response: ServerResponse,
  blocks: readonly Buffer[],
  script: Script,
): Promise<void> {
  const byteLimit = script.cutAfterBytes ?? Number.POSITIVE_INFINITY
  let sentBytes = 0
  for (const [index, block] of blocks.entries()) {
    if (script.cutAfter !== undefined && index >= script.cutAfter) return cut(response, script)
    if (script.stallAfter !== undefined && index >= script.stallAfter) return
    if (index > 0) await pause(response, script.chunkMs)
    for (const piece of writesOf(block, script.split)) {
      if (response.destroyed) return
      const allowed = piece.subarray(0, byteLimit - sentBytes)
      response.write(allowed)
      sentBytes += allowed.length
      if (sentBytes >= byteLimit) return cut(response, script)
      // A turn of the loop between writes lets each leave in a packet of its own.
      if (script.split === 'byte' || script.split === 'utf8')
        await new Promise((resolve) => setImmediate(resolve))
    }
  }
  if (script.cutAfter !== undefined) return cut(response, script)
  if (script.stallAfter === undefined) response.end()
}

function errorBody(script: Script): { body: string; contentType: string } {
  const status = script.status ?? 500
  const json = JSON.stringify(errorAnswer(status, `The upstream answered ${status}.`, `upstream_${status}`))
  switch (script.errorBody ?? 'openai') {
    case 'openai':
      return { body: json, contentType: 'application/json' }
    case 'html':
      return { body: `<html><body><h1>${status} Bad Gateway</h1></body></html>`, contentType: 'text/html' }
    case 'empty':
      return { body: '', contentType: 'application/json' }
    case 'half-json':
      return { body: json.slice(0, json.length / 2), contentType: 'application/json' }
    case 'huge':
      return {
        body: JSON.stringify(errorAnswer(status, 'x'.repeat(32 * 1024 * 1024))),
        contentType: 'application/json',
      }
    case 'text':
      return { body: `upstream failure ${status}`, contentType: 'text/plain' }
  }
}

function headersOf(script: Script, serial: number): Record<string, string> {
  return {
    'x-request-id': `up-${serial}`,
    'openai-processing-ms': '7',
    'x-ratelimit-limit-requests': '10000',
    'x-ratelimit-remaining-requests': '9999',
    ...(script.retryAfter === undefined ? {} : { 'retry-after': String(script.retryAfter) }),
    ...(script.retryAfterMs === undefined ? {} : { 'retry-after-ms': String(script.retryAfterMs) }),
    ...script.headers,
  }
}

/** Sends one answer (or, with `answer` undefined, the script's failure or exact body). */
export async function sendAnswer(
  response: ServerResponse,
  answer: Answer | undefined,
  script: Script,
  serial: number,
): Promise<void> {
  const headers = headersOf(script, serial)
  const gzip = script.gzip ? { 'content-encoding': 'gzip' } : {}
  if (answer?.kind === 'events') {
    const type = {
      'content-type': script.contentType ?? 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
    }
    response.writeHead(script.status ?? 200, { ...type, ...gzip, ...headers })
    response.flushHeaders()
    if (script.firstByteMs !== undefined) await sleep(script.firstByteMs)
    const blocks = encodeEvents(answer.events, answer.done, script)
    const joins = script.gzip || script.split === 'one'
    const whole = script.gzip ? gzipSync(Buffer.concat(blocks)) : Buffer.concat(blocks)
    return sendBlocks(response, joins ? [whole] : blocks, script)
  }
  const failure =
    answer === undefined
      ? errorBody(script)
      : { body: JSON.stringify(answer.body), contentType: 'application/json' }
  const plain = Buffer.from(script.body ?? failure.body)
  const body = script.gzip ? gzipSync(plain) : plain
  response.writeHead(script.status ?? 200, {
    'content-type': script.contentType ?? failure.contentType,
    'content-length': String(body.length),
    ...gzip,
    ...headers,
  })
  if (script.firstByteMs !== undefined) {
    response.flushHeaders()
    await sleep(script.firstByteMs)
  }
  if (script.cutAfterBytes === undefined && script.split !== 'byte') return void response.end(body)
  await sendBlocks(response, [body], { ...script, cutBy: script.cutBy ?? 'destroy' })
}
