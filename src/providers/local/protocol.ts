/** What the gateway's thread and a model's worker say to each other. Plain data only: it crosses a thread. */

export type ModelTask = 'embedding' | 'rerank' | 'generation'

/** A model folder as found on disk. Everything a worker needs to load it, and nothing that could reach the network. */
export type LocalModel = {
  /** What callers write after `local/`: a folder name, or `org/name`. */
  name: string
  /** Real path of the folder. */
  folder: string
  task: ModelTask
  /** Which file of `onnx/` is loaded, in transformers.js' words. */
  dtype: string
  /** Length of an embedding; 0 for other tasks. */
  dimensions: number
  /** Most tokens one text may have. */
  contextTokens: number
  pooling: 'mean' | 'cls'
  /** True when the first columns alone are a usable vector, so that `dimensions` may be asked for. */
  truncatable: boolean
  sizeBytes: number
}

export type WorkerStart = { model: LocalModel; threads: number }

export type ChatTurn = { role: string; content: string }

export type GenerateJob = {
  kind: 'generate'
  /** Chat messages for the model's template, or a bare text to go on from. */
  prompt: { messages: ChatTurn[] } | { text: string }
  /** null: whatever the context window leaves, at most `DEFAULT_MAX_TOKENS`. */
  maxTokens: number | null
  /** 0 always takes the likeliest token. */
  temperature: number
  topP: number
  seed: number
  stop: string[]
}

export type Job =
  /** Number arrays are token ids of the model's own tokenizer. */
  | { kind: 'embed'; inputs: (string | number[])[] }
  | { kind: 'rerank'; query: string; documents: string[] }
  | { kind: 'read'; messages: ChatTurn[] }
  | GenerateJob

export type JobResult =
  /** `vectors` holds one row after another. */
  | { kind: 'embed'; vectors: Float32Array; dimensions: number; tokens: number }
  | { kind: 'rerank'; scores: number[]; method: 'cross_encoder' | 'embedding_cosine'; tokens: number }
  | {
      kind: 'text'
      text: string
      finishReason: 'stop' | 'length'
      promptTokens: number
      completionTokens: number
    }

/** `cancel` is one shared Int32: 1 asks the worker to stop at the next token or batch. */
export type ToWorker = { type: 'job'; id: number; job: Job; cancel: SharedArrayBuffer }

export type FromWorker =
  | { type: 'ready' }
  | { type: 'load_failed'; message: string }
  | { type: 'text'; id: number; text: string }
  | { type: 'done'; id: number; result: JobResult }
  /** `code` is set for a mistake of the caller. */
  | { type: 'failed'; id: number; message: string; code: WorkerMistake | null; param: string | null }

export type WorkerMistake = 'context_length_exceeded' | 'invalid_value' | 'unsupported_operation'

/** A mistake that only the worker can see, because only it has the tokenizer. */
export class JobMistake extends Error {
  readonly code: WorkerMistake
  readonly param: string

  constructor(code: WorkerMistake, message: string, param: string) {
    super(message)
    this.code = code
    this.param = param
  }
}

/** The caller went away; nothing is reported. */
export class JobCancelled extends Error {}

export function throwIfCancelled(cancel: Int32Array): void {
  if (Atomics.load(cancel, 0) === 1) throw new JobCancelled('The call was given up.')
}
