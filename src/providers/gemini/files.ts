/** Files that go up to the Gemini API: https://ai.google.dev/api/files#method:-media.upload. They are gone there after two days. */

import { randomUUID } from 'node:crypto'
import { objectOf } from '../chat/upstream-json.ts'
import { fetchJson } from '../fetch-json.ts'
import { forLargeBody } from '../large-body.ts'
import { malformed } from '../malformed.ts'
import type { Timeouts } from '../provider.ts'
import type { Transport } from '../transport.ts'

const NAME = /^files\/(.+)$/

/** In one call, with what it is called in front of it. Resolves with the file's id. Throws UpstreamError. */
export async function uploadFile(
  transport: Transport,
  { headers, timeouts }: { headers: Readonly<Record<string, string>>; timeouts: Timeouts },
  { name, parts }: { name: string; parts: readonly Buffer[] },
  signal: AbortSignal,
): Promise<string> {
  const boundary = `aval-${randomUUID()}`
  const about = JSON.stringify({ file: { displayName: name, mimeType: 'application/jsonl' } })
  const head =
    `--${boundary}\r\ncontent-type: application/json; charset=utf-8\r\n\r\n${about}\r\n` +
    `--${boundary}\r\ncontent-type: application/jsonl\r\n\r\n`
  const made = await fetchJson(
    transport,
    {
      method: 'POST',
      path: '/upload/v1beta/files?uploadType=multipart',
      headers: { ...headers, 'content-type': `multipart/related; boundary=${boundary}` },
      body: Buffer.concat([Buffer.from(head), ...parts, Buffer.from(`\r\n--${boundary}--\r\n`)]),
      timeouts: forLargeBody(timeouts),
    },
    signal,
  )
  const uploaded = objectOf(objectOf(made).file).name
  const id = typeof uploaded === 'string' ? NAME.exec(uploaded)?.[1] : undefined
  if (id === undefined) throw malformed(transport.upstream, 'no file for the one it was given')
  return id
}
