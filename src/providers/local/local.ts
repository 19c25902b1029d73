/** The `local` dialect: models that run in this process's worker threads. Never answers with anything a model did not say. */

import { GatewayError, RequestError, UpstreamError } from '../../errors.ts'
import { type Clock, systemClock } from '../../lib/clock.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { Operation, Provider, ProviderCall, ProviderSink, UpstreamModel } from '../provider.ts'
import {
  embeddingsBody,
  type LocalAnswerInfo,
  rerankBody,
  textBody,
  textChunk,
  usageChunk,
} from './answers.ts'
import { type PullProgress, pullFromHub } from './hub.ts'
import { LocalCall } from './local-call.ts'
import { digestOf, findModel, isModelName, listFolders, removeFolder } from './models.ts'
import { type PoolEvent, WorkerPool } from './pool.ts'
import type { JobResult, LocalModel, ModelTask } from './protocol.ts'
import { readDimensions, readJob } from './requests.ts'

export type LocalEvent = PoolEvent | ({ type: 'download' } & PullProgress)

export type LocalSettings = {
  /** Searched in order: the models shipped with Aval first, then the configured folder. */
  folders: readonly string[]
  hub: {
    enabled: boolean
    /** Where `pullModel` and, when the hub is enabled, a first use put a model. */
    cacheFolder: string
    /** Default `https://huggingface.co`. */
    url?: string | undefined
  }
  /** Calls that may wait over all models. Default 64. */
  maxQueue?: number | undefined
  /** Threads of one model's session. Default 1. */
  threads?: number | undefined
  /** Models in memory at once. Default 3. */
  maxLoaded?: number | undefined
  /** A model unused for so long is let go. Default 10 minutes. */
  idleMs?: number | undefined
  onEvent?: ((event: LocalEvent) => void) | undefined
  clock?: Clock | undefined
}

/** One line of `aval models list`. */
export type LocalModelEntry = {
  name: string
  /** `reader` answers chat by quoting; the others are what the model itself does. */
  task: ModelTask | 'reader'
  sizeBytes: number
  /** Length of its embeddings; 0 for other tasks. */
  dimensions: number
  contextTokens: number
  folder: string
  loaded: boolean
}

export type LocalProvider = Provider & {
  listLocalModels(): Promise<readonly LocalModelEntry[]>
  /** Downloads `org/name` from the hub, also when the hub is not enabled for calls: asking is consent. */
  pullModel(
    id: string,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<LocalModelEntry>
  /** What makes an embedding model's vectors: null when there is no such model on disk. */
  describeEmbedding(name: string): Promise<{ digest: string; pooling: string } | null>
  /** Deletes a model from the configured folders, never a shipped one. Returns the path that was deleted. */
  removeModel(name: string): Promise<string>
}

/** Whether this provider's models are folders on this machine. */
export function isLocalProvider(provider: Provider): provider is LocalProvider {
  return provider.dialect === 'local' && 'describeEmbedding' in provider
}

/** The shipped model behind both aliases. */
const SHIPPED = 'static-minilm'
const ALIASES: Readonly<Record<string, string>> = { embed: SHIPPED, reader: SHIPPED }
const OPERATION_TASKS: Partial<Record<Operation, readonly ModelTask[]>> = {
  chat: ['generation'],
  completions: ['generation'],
  embeddings: ['embedding'],
  rerank: ['rerank', 'embedding'],
}
const TASK_USES: Record<ModelTask, string> = {
  embedding: '/v1/embeddings and /v1/rerank',
  rerank: '/v1/rerank',
  generation: '/v1/chat/completions and /v1/completions',
}

/**
 * Creates the provider; nothing is loaded and no thread started before the first call. Model names: `embed` and
 * `reader` (shipped), a folder's name, or `org/name`.
 *
 * @example
 * const local = createLocalProvider({ folders: ['models'], hub: { enabled: false, cacheFolder: '.aval/models' } })
 */
export function createLocalProvider(settings: LocalSettings): LocalProvider {
  return new LocalModels(settings)
}

class LocalModels implements LocalProvider {
  readonly dialect = 'local'
  readonly #settings: LocalSettings
  readonly #pool: WorkerPool
  readonly #clock: Clock
  readonly #known = new Map<string, LocalModel>()
  readonly #pulls = new Map<string, Promise<string>>()
  readonly #closing = new AbortController()

  constructor(settings: LocalSettings) {
    this.#settings = settings
    this.#clock = settings.clock ?? systemClock
    this.#pool = new WorkerPool({
      workerUrl: new URL('./worker.ts', import.meta.url),
      threads: settings.threads ?? 1,
      maxQueue: settings.maxQueue ?? 64,
      maxLoaded: settings.maxLoaded ?? 3,
      idleMs: settings.idleMs ?? 600_000,
      cancelMs: 10_000,
      loadMs: 300_000,
      onEvent: (event) => settings.onEvent?.(event),
    })
  }

  supports(operation: Operation): boolean {
    return operation in OPERATION_TASKS
  }

  call(call: ProviderCall, sink: ProviderSink): LocalCall {
    const handle = new LocalCall(call, sink)
    this.#run(call, handle).catch((error: unknown) => handle.fail(toUpstreamError(call.model, error)))
    return handle
  }

  async listModels(signal: AbortSignal): Promise<readonly UpstreamModel[]> {
    signal.throwIfAborted()
    return (await this.listLocalModels()).map(({ name }) => ({ id: name, ownedBy: 'local', created: 0 }))
  }

  async listLocalModels(): Promise<readonly LocalModelEntry[]> {
    const models = await listFolders(this.#folders)
    const shipped = models.find(({ name }) => name === SHIPPED)
    const entries = models.map((model) => this.#entry(model))
    if (shipped === undefined) return entries
    const embed: LocalModelEntry = { ...this.#entry(shipped), name: 'embed' }
    return [{ ...embed, name: 'reader', task: 'reader', dimensions: 0 }, embed, ...entries]
  }

  async pullModel(
    id: string,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<LocalModelEntry> {
    const hub = { url: this.#hubUrl, folder: this.#settings.hub.cacheFolder }
    await pullFromHub(hub, id, onProgress, AbortSignal.any([signal, this.#closing.signal]))
    this.#known.clear()
    const model = await findModel([hub.folder], id)
    if (model === null) throw missingModel(id, this.#folders)
    await this.#pool.unload(model.folder)
    return this.#entry(model)
  }

  async removeModel(name: string): Promise<string> {
    const [, ...own] = this.#folders
    this.#known.clear()
    const removed = await removeFolder(own, name)
    await this.#pool.unload(removed)
    return removed
  }

  async describeEmbedding(name: string): Promise<{ digest: string; pooling: string } | null> {
    const wanted = ALIASES[name] ?? name
    const model = isModelName(wanted) ? await findModel(this.#folders, wanted) : null
    if (model === null || model.task !== 'embedding') return null
    return { digest: await digestOf(model), pooling: model.pooling }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#pool.close()
  }

  get #folders(): string[] {
    return [...new Set([...this.#settings.folders, this.#settings.hub.cacheFolder])]
  }

  get #hubUrl(): string {
    return this.#settings.hub.url ?? 'https://huggingface.co'
  }

  async #run(call: ProviderCall, handle: LocalCall): Promise<void> {
    const isReader = call.model === 'reader'
    const model = await this.#find(call.model)
    checkTask(call.operation, call.model, model, isReader)
    const job = readJob(call.operation, call.parsed, model, isReader)
    if (handle.isOver) return
    const info = this.#answerInfo(call)
    if (call.stream && (job.kind === 'read' || job.kind === 'generate')) {
      const stream = streamWriter(handle, call, info)
      handle.giveUp = this.#pool.submit(model, job, { ...stream, onError: (error) => handle.fail(error) })
      return
    }
    handle.giveUp = this.#pool.submit(model, job, {
      onText: () => undefined,
      onDone: (result) => handle.body(wholeBody(result, call, model, info)),
      onError: (error) => handle.fail(error),
    })
  }

  #answerInfo({ requestId, model, operation }: ProviderCall): LocalAnswerInfo {
    const isChat = operation !== 'completions'
    const created = Math.floor(this.#clock.nowMs() / 1000)
    return {
      id: `${isChat ? 'chatcmpl' : 'cmpl'}-${requestId}`,
      created,
      model,
      operation: isChat ? 'chat' : 'completions',
    }
  }

  async #find(name: string): Promise<LocalModel> {
    const wanted = ALIASES[name] ?? name
    const known = this.#known.get(wanted)
    if (known !== undefined) return known
    const model = (await findModel(this.#folders, wanted)) ?? (await this.#fetch(wanted))
    this.#known.set(wanted, model)
    return model
  }

  /** First use of a hub model; calls that come meanwhile wait for the same download. */
  async #fetch(name: string): Promise<LocalModel> {
    const { enabled, cacheFolder } = this.#settings.hub
    if (!enabled || !name.includes('/') || !isModelName(name)) throw missingModel(name, this.#folders)
    let pull = this.#pulls.get(name)
    if (pull === undefined) {
      const report = (progress: PullProgress) => this.#settings.onEvent?.({ type: 'download', ...progress })
      pull = pullFromHub({ url: this.#hubUrl, folder: cacheFolder }, name, report, this.#closing.signal)
      this.#pulls.set(name, pull)
    }
    try {
      await pull
    } finally {
      this.#pulls.delete(name)
    }
    const model = await findModel([cacheFolder], name)
    if (model === null) throw missingModel(name, this.#folders)
    return model
  }

  #entry({ name, task, sizeBytes, dimensions, contextTokens, folder }: LocalModel): LocalModelEntry {
    return {
      name,
      task,
      sizeBytes,
      dimensions,
      contextTokens,
      folder,
      loaded: this.#pool.loadedNames.includes(name),
    }
  }
}

function checkTask(operation: Operation, name: string, model: LocalModel, isReader: boolean): void {
  if (isReader && (operation === 'chat' || operation === 'completions')) return
  if (!isReader && OPERATION_TASKS[operation]?.includes(model.task)) return
  const uses = isReader ? '/v1/chat/completions' : TASK_USES[model.task]
  throw new RequestError(
    'unsupported_operation',
    `"${name}" serves ${uses}, not ${operation}: choose another model.`,
    { param: 'model' },
  )
}

function wholeBody(
  result: JobResult,
  { parsed, model: name, requestId }: ProviderCall,
  model: LocalModel,
  info: LocalAnswerInfo,
): JsonObject {
  if (result.kind === 'embed')
    return embeddingsBody(result, name, parsed.encoding_format === 'base64', readDimensions(parsed, model))
  if (result.kind === 'rerank') return rerankBody(result, parsed, requestId, name)
  return textBody(result, info)
}

function streamWriter(handle: LocalCall, call: ProviderCall, info: LocalAnswerInfo) {
  let begun = false
  const write = (text: string) => {
    if (!begun && info.operation === 'chat') handle.chunk(textChunk(info, { role: true }))
    begun = true
    if (text !== '') handle.chunk(textChunk(info, { text }))
  }
  return {
    onText: write,
    onDone(result: JobResult) {
      if (result.kind !== 'text') return
      // A model that streams has said everything already; the reader hands its answer over at the end.
      write(begun ? '' : result.text)
      handle.chunk(textChunk(info, { finishReason: result.finishReason }))
      if (call.includeUsage) handle.chunk(usageChunk(info, result))
      handle.endStream()
    },
  }
}

function missingModel(name: string, folders: readonly string[]): UpstreamError {
  const how = name.includes('/') ? `run: aval models pull ${name}` : 'run: aval models pull <org/name>'
  const message = `No local model "${name}" in ${folders.join(', ')}. Put its folder into ${folders.at(-1)}, or ${how}`
  return new UpstreamError('local_model_missing', message, { retryable: true, param: 'model' })
}

/** The port reports UpstreamError only: a caller's mistake keeps its code, status and `param` and is never retried. */
function toUpstreamError(name: string, error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error
  if (error instanceof GatewayError) {
    const { param, headers, cause } = error
    return new UpstreamError(error.code, error.message, { param, headers, cause, retryable: false })
  }
  return new UpstreamError('upstream_unavailable', `"${name}" failed on this request.`, {
    retryable: true,
    cause: error,
  })
}
