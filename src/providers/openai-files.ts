/** Files that go up to an upstream of the `openai` dialect: https://platform.openai.com/docs/api-reference/files/create. */

import { randomUUID } from 'node:crypto'
import { UpstreamError } from '../errors.ts'
import { isJsonObject } from '../lib/json.ts'
import { fetchJson } from './fetch-json.ts'
import { forLargeBody } from './large-body.ts'
import type { Timeouts } from './provider.ts'
import type { OutboundRequest, Transport } from './transport.ts'

export type UploadedFile = {
  purpose: 'fine-tune' | 'batch'
  /** Letters, digits, "_", "-" and ".": it stands in a header of the form. */
  name: string
  parts: readonly Buffer[]
}

/** Resolves with the file's id; `path` has the upstream's query. Throws UpstreamError. */
export async function uploadFile(
  transport: Transport,
  upstream: { headers: Readonly<Record<string, string>>; timeouts: Timeouts; path: string },
  file: UploadedFile,
  signal: AbortSignal,
): Promise<string> {
  const boundary = `aval-${randomUUID()}`
  const { headers, timeouts, path } = upstream
  const request: OutboundRequest = {
    method: 'POST',
    path,
    headers: { ...headers, 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: multipart(boundary, file),
    timeouts: forLargeBody(timeouts),
  }
  const made = await fetchJson(transport, request, signal)
  if (isJsonObject(made) && typeof made.id === 'string' && made.id !== '') return made.id
  const message = `Upstream "${transport.upstream}" sent no file for the one it was given.`
  throw new UpstreamError('upstream_malformed', message, { retryable: true })
}

function multipart(boundary: string, { purpose, name, parts }: UploadedFile): Buffer {
  const head =
    `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n${purpose}\r\n` +
    `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\n` +
    'content-type: application/jsonl\r\n\r\n'
  return Buffer.concat([Buffer.from(head), ...parts, Buffer.from(`\r\n--${boundary}--\r\n`)])
}
