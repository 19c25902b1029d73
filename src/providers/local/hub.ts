/** Fetches a model from a hub into a folder. The only file of this room that opens a connection, and only when asked. */

import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { RequestError, UpstreamError } from '../../errors.ts'
import { isJsonObject } from '../../lib/json.ts'
import { isModelName } from './models.ts'

export type PullProgress = { name: string; bytes: number; percent: number }

type HubFile = { path: string; sizeBytes: number }

/** Never asked for by a pattern from the hub: a file list from outside cannot choose where we write. */
const SMALL_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  '1_Pooling/config.json',
  'README.md',
  'LICENSE',
]
const ENCODER_GRAPHS = ['_quantized', '_int8', '_uint8', '_fp16', '']
const GENERATOR_GRAPHS = ['_q4', '_q4f16', '_quantized', '_int8', '_fp16', '']
const MAX_BYTES = 8 * 1024 ** 3
const MAX_LIST_BYTES = 8 * 1024 ** 2

/**
 * Downloads `id` into `folder/id`, whole or not at all: it is filled beside its place and then renamed. The layout is
 * the Hugging Face hub's (https://huggingface.co/docs/hub/api). Throws RequestError for a name that cannot be one,
 * UpstreamError when the hub cannot be reached or has no model in ONNX form under that name.
 */
export async function pullFromHub(
  hub: { url: string; folder: string },
  id: string,
  onProgress: (progress: PullProgress) => void,
  signal: AbortSignal,
): Promise<string> {
  if (!isModelName(id) || !id.includes('/')) {
    throw new RequestError(
      'invalid_value',
      `"${id.slice(0, 120)}" is no model of a hub: write it as org/name.`,
      { param: 'model' },
    )
  }
  const files = chooseFiles(await listFiles(hub, id, signal), hub, id)
  const totalBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  if (totalBytes > MAX_BYTES)
    throw hubError(hub, id, `has ${totalBytes} bytes, more than the limit of ${MAX_BYTES}`)
  const target = join(hub.folder, id)
  await mkdir(dirname(target), { recursive: true })
  const draft = await mkdtemp(join(hub.folder, '.pull-'))
  try {
    let doneBytes = 0
    for (const file of files) {
      await mkdir(dirname(join(draft, file.path)), { recursive: true })
      const body = await ask(hub, id, `${hub.url}/${id}/resolve/main/${file.path}`, signal)
      const meter = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          doneBytes += chunk.length
          const tooMuch = doneBytes > MAX_BYTES
          onProgress({
            name: id,
            bytes: doneBytes,
            percent: Math.min(99, Math.floor((100 * doneBytes) / Math.max(1, totalBytes))),
          })
          done(tooMuch ? hubError(hub, id, `sends more than ${MAX_BYTES} bytes`) : null, chunk)
        },
      })
      await pipeline(Readable.fromWeb(body as never), meter, createWriteStream(join(draft, file.path)), {
        signal,
      })
    }
    await rm(target, { recursive: true, force: true })
    await rename(draft, target)
    onProgress({ name: id, bytes: doneBytes, percent: 100 })
    return target
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error instanceof UpstreamError ? error : hubError(hub, id, 'could not be downloaded', error)
  }
}

async function listFiles(
  hub: { url: string; folder: string },
  id: string,
  signal: AbortSignal,
): Promise<HubFile[]> {
  const body = await ask(hub, id, `${hub.url}/api/models/${id}?blobs=true`, signal)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > MAX_LIST_BYTES) throw hubError(hub, id, 'has a file list that is too long')
    chunks.push(chunk)
  }
  const list = parseJson(Buffer.concat(chunks).toString('utf8'))
  const siblings = isJsonObject(list) && Array.isArray(list.siblings) ? list.siblings : []
  return siblings.flatMap((file) => {
    if (!isJsonObject(file) || typeof file.rfilename !== 'string') return []
    return [{ path: file.rfilename, sizeBytes: typeof file.size === 'number' ? file.size : 0 }]
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function chooseFiles(files: readonly HubFile[], hub: { url: string; folder: string }, id: string): HubFile[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const suffixes = byPath.has('generation_config.json') ? GENERATOR_GRAPHS : ENCODER_GRAPHS
  const graph = suffixes.map((suffix) => `onnx/model${suffix}.onnx`).find((path) => byPath.has(path))
  if (graph === undefined)
    throw hubError(hub, id, 'has no onnx/model*.onnx: export it with `optimum-cli export onnx`')
  const parts = Array.from({ length: 20 }, (_, at) => `${graph}_data${at === 0 ? '' : `_${at}`}`)
  return [...SMALL_FILES, graph, ...parts].flatMap((path) => byPath.get(path) ?? [])
}

async function ask(
  hub: { url: string; folder: string },
  id: string,
  url: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  let answer: Response
  try {
    answer = await fetch(url, { signal })
  } catch (error) {
    throw hubError(hub, id, 'could not be fetched: the hub is out of reach', error)
  }
  if (answer.ok && answer.body !== null) return answer.body
  await answer.body?.cancel()
  throw hubError(
    hub,
    id,
    answer.status === 404 || answer.status === 401
      ? 'is not on the hub'
      : `was refused with status ${answer.status}`,
  )
}

function hubError(
  hub: { url: string; folder: string },
  id: string,
  problem: string,
  cause?: unknown,
): UpstreamError {
  const message = `"${id}" ${problem} (${hub.url}). Put the model's files into ${join(hub.folder, id)}, or try again: aval models pull ${id}`
  return new UpstreamError('local_model_missing', message, { retryable: true, cause })
}
