/** The bytes that go to one target: the client's own, with the model name and our usage wish spliced in. */

import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { replaceValue } from '../lib/json-scan.ts'
import type { PlannedTarget } from './plan.ts'
import { withDefaults } from './release-body.ts'
import type { ParsedBody } from './request.ts'

/** What one target is sent of a body: the defaults of its model version, its own name for the model. */
export function targetBody(
  sent: ParsedBody,
  { model, version }: Pick<PlannedTarget, 'model' | 'version'>,
  askUsage: boolean,
): { parsed: JsonObject; bytes: Buffer } {
  const body = version === undefined ? sent : withDefaults(sent, version.parameters)
  return { parsed: body.parsed, bytes: upstreamBody(body, model, askUsage) }
}

type Edit = { start: number; end: number; json: string }

/**
 * `askUsage` adds `stream_options.include_usage`, which the tap takes out of the answer again. No other byte
 * changes: number precision, key order and unknown fields survive.
 */
export function upstreamBody(body: ParsedBody, model: string, askUsage: boolean): Buffer {
  const named = model === body.model ? null : edit(body, 'model', JSON.stringify(model))
  const wished = askUsage ? edit(body, 'stream_options', usageWish(body)) : null
  if (named === null || wished === null) return apply(apply(body.bytes, named), wished)
  // From the back, so that the spans in front stay true.
  return named.start > wished.start
    ? apply(apply(body.bytes, named), wished)
    : apply(apply(body.bytes, wished), named)
}

function usageWish(body: ParsedBody): string {
  const options = body.parsed.stream_options
  return JSON.stringify({ ...(isJsonObject(options) ? options : {}), include_usage: true })
}

function apply(bytes: Buffer, change: Edit | null): Buffer {
  return change === null ? bytes : replaceValue(bytes, change, change.json)
}

/** Replaces the member's value, or puts a new member right behind the opening brace. */
function edit(body: ParsedBody, key: string, json: string): Edit {
  const entry = body.scan.entries.find((one) => one.key === key)
  if (entry !== undefined) return { start: entry.start, end: entry.end, json }
  const start = body.bytes.indexOf('{') + 1
  return { start, end: start, json: `${JSON.stringify(key)}:${json},` }
}
