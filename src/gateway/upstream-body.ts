/** The bytes that go to one target: the client's own, with the model name and our usage wish spliced in. */

import { isJsonObject } from '../lib/json.ts'
import type { ParsedBody } from './request.ts'

type Edit = { start: number; end: number; text: string }

/**
 * `askUsage` adds `stream_options.include_usage`, which the tap takes out of the answer again. No other byte
 * changes: number precision, key order and unknown fields survive.
 */
export function upstreamBody(body: ParsedBody, model: string, askUsage: boolean): Buffer {
  const edits: Edit[] = []
  if (model !== body.model) edits.push(edit(body, 'model', JSON.stringify(model)))
  if (askUsage) {
    const options = body.parsed.stream_options
    const wished = { ...(isJsonObject(options) ? options : {}), include_usage: true }
    edits.push(edit(body, 'stream_options', JSON.stringify(wished)))
  }
  return edits.length === 0 ? body.bytes : splice(body.bytes, edits)
}

function edit(body: ParsedBody, key: string, json: string): Edit {
  const span = body.scan.entries.get(key)
  if (span !== undefined) return { ...span, text: json }
  const brace = body.bytes.indexOf('{') + 1
  return { start: brace, end: brace, text: `${JSON.stringify(key)}:${json},` }
}

function splice(bytes: Buffer, edits: Edit[]): Buffer {
  const pieces: Buffer[] = []
  let from = 0
  for (const { start, end, text } of edits.toSorted((a, b) => a.start - b.start)) {
    pieces.push(bytes.subarray(from, start), Buffer.from(text))
    from = end
  }
  pieces.push(bytes.subarray(from))
  return Buffer.concat(pieces)
}
