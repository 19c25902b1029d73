/** Embeddings, reranking and reading inside a worker. The same text gives the same vector alone and in a batch. */

import { basename, dirname } from 'node:path'
import {
  AutoModel,
  AutoModelForSequenceClassification,
  AutoTokenizer,
  env,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  Tensor,
} from '@huggingface/transformers'
import { type Job, JobMistake, type JobResult, type LocalModel, throwIfCancelled } from './protocol.ts'
import { readAnswer } from './reader/answer.ts'
import { cosine } from './reader/features.ts'

/** Rows times longest row of one run of the graph; bounds the memory of a batch to about 16 MB at 256 columns. */
const MAX_BATCH_TOKENS = 16_384
const MAX_BATCH_ROWS = 32

type Encoder = { served: LocalModel; tokenizer: PreTrainedTokenizer; model: PreTrainedModel }
type Embedded = { rows: Float32Array[]; tokens: number }

/** Loads an embedding model or a cross-encoder; the returned function does its jobs. */
export async function loadEncoder(served: LocalModel, threads: number) {
  env.localModelPath = `${dirname(served.folder)}/`
  const name = basename(served.folder)
  const loadModel = served.task === 'rerank' ? AutoModelForSequenceClassification : AutoModel
  const encoder: Encoder = {
    served,
    tokenizer: await AutoTokenizer.from_pretrained(name, { local_files_only: true }),
    model: await loadModel.from_pretrained(name, sessionOptions(served, threads)),
  }
  return (job: Job, cancel: Int32Array) => runEncoderJob(encoder, job, cancel)
}

/** Options that every model is loaded with: its own dtype, bounded threads, a silent runtime. */
export function sessionOptions(served: LocalModel, threads: number) {
  return {
    dtype: served.dtype as 'q8',
    local_files_only: true,
    session_options: { intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 3 as const },
  }
}

async function runEncoderJob(encoder: Encoder, job: Job, cancel: Int32Array): Promise<JobResult> {
  if (job.kind === 'embed') {
    const { rows, tokens } = await embed(encoder, job.inputs, cancel, 'input')
    const dimensions = rows[0]?.length ?? 0
    const vectors = new Float32Array(rows.length * dimensions)
    rows.forEach((row, at) => {
      vectors.set(row, at * dimensions)
    })
    return { kind: 'embed', vectors, dimensions, tokens }
  }
  if (job.kind === 'rerank') return rerank(encoder, job.query, job.documents, cancel)
  if (job.kind === 'read') return read(encoder, job.messages, cancel)
  throw new JobMistake('unsupported_operation', `"${encoder.served.name}" cannot generate text.`, 'model')
}

async function read(
  encoder: Encoder,
  turns: { role: string; content: string }[],
  cancel: Int32Array,
): Promise<JobResult> {
  const messages = turns.map(({ role, content }) => ({ role, text: content }))
  // A sentence may be longer than the model's window: its beginning decides, the quote stays whole.
  const clip = (text: string) => text.slice(0, 4000)
  const reading = await readAnswer(
    async (texts) => (await embed(encoder, texts.map(clip), cancel, 'messages')).rows,
    messages,
  )
  const count = (text: string) => encoder.tokenizer.encode(text, { add_special_tokens: false }).length
  return {
    kind: 'text',
    text: reading.text,
    finishReason: 'stop',
    promptTokens: messages.reduce((sum, { text }) => sum + count(text), 0),
    completionTokens: count(reading.text),
  }
}

async function rerank(
  encoder: Encoder,
  query: string,
  documents: string[],
  cancel: Int32Array,
): Promise<JobResult> {
  if (encoder.served.task === 'embedding') {
    const { rows, tokens } = await embed(encoder, [query, ...documents], cancel, 'documents')
    const [asked, ...vectors] = rows
    const scores = vectors.map((vector) => cosine(asked ?? vector, vector))
    return { kind: 'rerank', scores, method: 'embedding_cosine', tokens }
  }
  const scores: number[] = []
  let tokens = 0
  for (const document of documents) {
    throwIfCancelled(cancel)
    // Pairs are cut at the window as the model was trained; a long document is judged by its beginning.
    const limit = { text_pair: document, truncation: true, max_length: encoder.served.contextTokens }
    const inputs = encoder.tokenizer(query, limit)
    const { logits } = await encoder.model(inputs)
    tokens += Number(inputs.input_ids.dims.at(-1))
    scores.push(1 / (1 + Math.exp(-Number(logits.data[0]))))
  }
  return { kind: 'rerank', scores, method: 'cross_encoder', tokens }
}

async function embed(
  encoder: Encoder,
  inputs: readonly (string | number[])[],
  cancel: Int32Array,
  param: string,
): Promise<Embedded> {
  const encoded = inputs.map((input, at) => {
    if (at % 64 === 0) throwIfCancelled(cancel)
    return encode(encoder, input, `${param}.${at}`)
  })
  const rows: Float32Array[] = new Array(inputs.length)
  // Texts of one length run together, so that padding costs little.
  const order = encoded
    .map((_, at) => at)
    .sort((a, b) => lengthAt(encoded, a) - lengthAt(encoded, b) || a - b)
  for (let from = 0; from < order.length; ) {
    throwIfCancelled(cancel)
    const batch = order.slice(from, from + MAX_BATCH_ROWS)
    while (batch.length > 1 && batch.length * lengthAt(encoded, batch.at(-1) ?? 0) > MAX_BATCH_TOKENS)
      batch.pop()
    const vectors = await runBatch(
      encoder,
      batch.map((at) => encoded[at] ?? []),
    )
    batch.forEach((at, index) => {
      rows[at] = vectors[index] ?? new Float32Array(0)
    })
    from += batch.length
  }
  return { rows, tokens: encoded.reduce((sum, ids) => sum + ids.length, 0) }
}

function lengthAt(encoded: readonly number[][], at: number): number {
  return encoded[at]?.length ?? 0
}

function encode({ tokenizer, served }: Encoder, input: string | number[], param: string): number[] {
  const text = typeof input === 'string' ? input : decodeIds(tokenizer, input, param)
  const ids = tokenizer.encode(text)
  if (ids.length <= served.contextTokens) return ids
  const message = `This text has ${ids.length} tokens and "${served.name}" takes ${served.contextTokens}: split it into shorter texts.`
  throw new JobMistake('context_length_exceeded', message, param)
}

function decodeIds(tokenizer: PreTrainedTokenizer, ids: number[], param: string): string {
  try {
    return ids.length === 0 ? '' : tokenizer.decode(ids, { skip_special_tokens: true })
  } catch (error) {
    const message = `These are not token ids of this model's tokenizer (${String(error)}): send text instead.`
    throw new JobMistake('invalid_value', message, param)
  }
}

async function runBatch({ model, served }: Encoder, batch: readonly number[][]): Promise<Float32Array[]> {
  const width = Math.max(...batch.map((ids) => ids.length))
  const ids = new BigInt64Array(batch.length * width)
  const mask = new BigInt64Array(batch.length * width)
  batch.forEach((row, at) => {
    row.forEach((id, column) => {
      ids[at * width + column] = BigInt(id)
      mask[at * width + column] = 1n
    })
  })
  const shape = [batch.length, width]
  const output = await model({
    input_ids: new Tensor('int64', ids, shape),
    attention_mask: new Tensor('int64', mask, shape),
    token_type_ids: new Tensor('int64', new BigInt64Array(ids.length), shape),
  })
  const hidden = output.last_hidden_state
  if (hidden === undefined) {
    throw new JobMistake(
      'unsupported_operation',
      `"${served.name}" gives no embedding: choose another model.`,
      'model',
    )
  }
  const columns = Number(hidden.dims.at(-1))
  const data = hidden.data as Float32Array
  return batch.map((row, at) => {
    const rows = served.pooling === 'cls' ? 1 : row.length
    return pool(data.subarray(at * width * columns, (at * width + rows) * columns), columns)
  })
}

/** Mean of the rows, scaled to length 1. */
function pool(rows: Float32Array, columns: number): Float32Array {
  const vector = new Float32Array(columns)
  for (let at = 0; at < rows.length; at += 1)
    vector[at % columns] = (vector[at % columns] ?? 0) + (rows[at] ?? 0)
  const length = Math.hypot(...vector) || 1
  return vector.map((value) => value / length)
}
