/**
 * One worker thread for each loaded model, one job at a time in each, and a bounded queue in front of all. Loads on
 * first use, lets idle models go, and starts a crashed worker again. Never runs a model on the calling thread.
 */

import { Worker } from 'node:worker_threads'
import { UpstreamError } from '../../errors.ts'
import type { FromWorker, Job, JobResult, LocalModel, ToWorker, WorkerStart } from './protocol.ts'

export type PoolEvent =
  /** `bytes` is the model's size on disk; percent 0 when loading begins, 100 once it serves. */
  | { type: 'load'; name: string; bytes: number; percent: number }
  | { type: 'evicted'; name: string; why: 'idle' | 'room' | 'removed' }
  | { type: 'crashed'; name: string; message: string }
  /** What native code or a library printed inside the worker. */
  | { type: 'log'; name: string; text: string }

export type PoolSettings = {
  workerUrl: URL
  threads: number
  /** Jobs waiting over all models; one more is refused. */
  maxQueue: number
  maxLoaded: number
  idleMs: number
  /** A cancelled job that does not stop, and a load that does not finish, cost the worker its life after these. */
  cancelMs: number
  loadMs: number
  onEvent: (event: PoolEvent) => void
}

export type JobListener = {
  onText(text: string): void
  onDone(result: JobResult): void
  /** RequestError codes arrive as UpstreamError with the same code and `param`, not retryable. */
  onError(error: UpstreamError): void
}

type Ticket = { id: number; job: Job; listener: JobListener | null; cancel: SharedArrayBuffer }
type Host = {
  model: LocalModel
  state: 'waiting' | 'loading' | 'ready'
  worker: Worker | null
  queue: Ticket[]
  active: Ticket | null
  lastUsed: number
  timer: NodeJS.Timeout | null
}

const RETRY_AFTER_MS = 1000
const MAX_LOG_LENGTH = 2000

export class WorkerPool {
  readonly #settings: PoolSettings
  readonly #hosts = new Map<string, Host>()
  #nextId = 1
  #uses = 0
  #closed = false

  constructor(settings: PoolSettings) {
    this.#settings = settings
  }

  /** Queues a job; throws UpstreamError('local_queue_full') at the bound. The returned function gives the job up. */
  submit(model: LocalModel, job: Job, listener: JobListener): () => void {
    if (this.#closed)
      throw new UpstreamError('upstream_unavailable', 'Local models are shutting down.', { retryable: true })
    const waiting = [...this.#hosts.values()].reduce((sum, { queue }) => sum + queue.length, 0)
    if (waiting >= this.#settings.maxQueue) throw queueFull(waiting)
    const host = this.#hosts.get(model.folder) ?? this.#addHost(model)
    const ticket: Ticket = { id: this.#nextId, job, listener, cancel: new SharedArrayBuffer(4) }
    this.#nextId += 1
    host.queue.push(ticket)
    this.#pump()
    return () => this.#cancel(host, ticket)
  }

  /** Stops the worker of a model, if it has one; its calls fail as retryable. */
  async unload(folder: string): Promise<void> {
    const host = this.#hosts.get(folder)
    if (host === undefined) return
    this.#settings.onEvent({ type: 'evicted', name: host.model.name, why: 'removed' })
    await this.#drop(host)
  }

  get loadedNames(): string[] {
    return [...this.#hosts.values()].filter(({ state }) => state === 'ready').map(({ model }) => model.name)
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#hosts.values()].map((host) => this.#drop(host)))
  }

  #addHost(model: LocalModel): Host {
    const host: Host = {
      model,
      state: 'waiting',
      worker: null,
      queue: [],
      active: null,
      lastUsed: 0,
      timer: null,
    }
    this.#hosts.set(model.folder, host)
    return host
  }

  /** Gives every free worker its next job and starts what may be started. Map order is the order of arrival. */
  #pump(): void {
    for (const host of this.#hosts.values()) {
      if (host.state === 'waiting' && host.queue.length > 0 && this.#makeRoom()) this.#start(host)
      if (host.state !== 'ready' || host.active !== null) continue
      const ticket = host.queue.shift()
      if (ticket === undefined) continue
      this.#setTimer(host, null, 0)
      host.active = ticket
      this.#uses += 1
      host.lastUsed = this.#uses
      const message: ToWorker = { type: 'job', id: ticket.id, job: ticket.job, cancel: ticket.cancel }
      host.worker?.postMessage(message)
    }
  }

  /** True when one more model may be loaded, letting the least recently used idle one go if that is needed. */
  #makeRoom(): boolean {
    const running = [...this.#hosts.values()].filter(({ worker }) => worker !== null)
    if (running.length < this.#settings.maxLoaded) return true
    const idle = running.filter(
      ({ state, active, queue }) => state === 'ready' && active === null && queue.length === 0,
    )
    const oldest = idle.sort((left, right) => left.lastUsed - right.lastUsed)[0]
    if (oldest === undefined) return false
    this.#evict(oldest, 'room')
    return true
  }

  #start(host: Host): void {
    const { name, sizeBytes } = host.model
    this.#settings.onEvent({ type: 'load', name, bytes: sizeBytes, percent: 0 })
    const start: WorkerStart = { model: host.model, threads: this.#settings.threads }
    // No environment: a worker needs none of the process's secrets. Output is captured so that stdout stays ours.
    const worker = new Worker(this.#settings.workerUrl, {
      workerData: start,
      env: {},
      execArgv: [],
      stdout: true,
      stderr: true,
    })
    host.worker = worker
    host.state = 'loading'
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.on('data', (data: Buffer) => {
        this.#settings.onEvent({ type: 'log', name, text: data.toString('utf8').slice(0, MAX_LOG_LENGTH) })
      })
    }
    worker.on('message', (message: FromWorker) => {
      if (host.worker === worker) this.#hear(host, message)
    })
    worker.on('error', (error: unknown) => this.#crashed(host, worker, String(error)))
    worker.on('exit', (code) => this.#crashed(host, worker, `exit code ${code}`))
    this.#setTimer(host, () => void worker.terminate(), this.#settings.loadMs)
  }

  #hear(host: Host, message: FromWorker): void {
    if (message.type === 'ready') {
      host.state = 'ready'
      this.#setTimer(host, null, 0)
      this.#settings.onEvent({
        type: 'load',
        name: host.model.name,
        bytes: host.model.sizeBytes,
        percent: 100,
      })
      this.#pump()
      this.#restIfIdle(host)
      return
    }
    if (message.type === 'load_failed') {
      const worker = host.worker
      if (worker !== null) this.#crashed(host, worker, message.message)
      void worker?.terminate()
      return
    }
    const ticket = host.active
    if (ticket === null || message.id !== ticket.id) return
    if (message.type === 'text') {
      ticket.listener?.onText(message.text)
      return
    }
    host.active = null
    this.#setTimer(host, null, 0)
    if (message.type === 'done') ticket.listener?.onDone(message.result)
    else ticket.listener?.onError(jobError(host.model.name, message))
    this.#pump()
    this.#restIfIdle(host)
  }

  /** The job that ran fails; the ones behind it get a new worker, unless the model cannot even be loaded. */
  #crashed(host: Host, worker: Worker, message: string): void {
    if (host.worker !== worker) return
    const { name } = host.model
    const wasLoading = host.state === 'loading'
    const lost = wasLoading ? host.queue.splice(0) : []
    if (host.active !== null) lost.push(host.active)
    host.worker = null
    host.state = 'waiting'
    host.active = null
    this.#setTimer(host, null, 0)
    this.#settings.onEvent({ type: 'crashed', name, message: message.slice(0, MAX_LOG_LENGTH) })
    const error = wasLoading
      ? new UpstreamError(
          'local_model_missing',
          `"${name}" could not be loaded from ${host.model.folder}: replace its files.`,
          { retryable: true, detail: message.slice(0, MAX_LOG_LENGTH) },
        )
      : new UpstreamError(
          'upstream_unavailable',
          `The worker of "${name}" stopped; it is being started again.`,
          { retryable: true, detail: message.slice(0, MAX_LOG_LENGTH) },
        )
    for (const ticket of lost) ticket.listener?.onError(error)
    if (host.queue.length === 0) this.#hosts.delete(host.model.folder)
    this.#pump()
  }

  #cancel(host: Host, ticket: Ticket): void {
    ticket.listener = null
    const at = host.queue.indexOf(ticket)
    if (at >= 0) host.queue.splice(at, 1)
    if (host.active !== ticket) return
    Atomics.store(new Int32Array(ticket.cancel), 0, 1)
    this.#setTimer(host, () => void host.worker?.terminate(), this.#settings.cancelMs)
  }

  #restIfIdle(host: Host): void {
    if (host.state !== 'ready' || host.active !== null) return
    this.#setTimer(host, () => this.#evict(host, 'idle'), this.#settings.idleMs)
    // Another model may have waited for this one's place.
    if ([...this.#hosts.values()].some(({ state, queue }) => state === 'waiting' && queue.length > 0))
      this.#pump()
  }

  #evict(host: Host, why: 'idle' | 'room'): void {
    this.#settings.onEvent({ type: 'evicted', name: host.model.name, why })
    void this.#drop(host)
  }

  async #drop(host: Host): Promise<void> {
    this.#hosts.delete(host.model.folder)
    this.#setTimer(host, null, 0)
    const worker = host.worker
    const lost = host.active === null ? host.queue : [host.active, ...host.queue]
    host.worker = null
    host.active = null
    host.queue = []
    const gone = new UpstreamError('upstream_unavailable', `"${host.model.name}" was unloaded.`, {
      retryable: true,
    })
    for (const ticket of lost) ticket.listener?.onError(gone)
    await worker?.terminate()
  }

  /** A host has one deadline at a time: loading, stopping a cancelled job, or resting. */
  #setTimer(host: Host, run: (() => void) | null, afterMs: number): void {
    if (host.timer !== null) clearTimeout(host.timer)
    host.timer = run === null ? null : setTimeout(run, afterMs).unref()
  }
}

function queueFull(waiting: number): UpstreamError {
  const message = `${waiting} calls already wait for local models: try again in a moment, or raise the queue's bound.`
  const headers = { 'retry-after': String(RETRY_AFTER_MS / 1000), 'retry-after-ms': String(RETRY_AFTER_MS) }
  return new UpstreamError('local_queue_full', message, { retryable: true, headers })
}

function jobError(name: string, failed: Extract<FromWorker, { type: 'failed' }>): UpstreamError {
  if (failed.code !== null)
    return new UpstreamError(failed.code, failed.message, { param: failed.param, retryable: false })
  const detail = failed.message.slice(0, MAX_LOG_LENGTH)
  return new UpstreamError('upstream_unavailable', `"${name}" failed on this request.`, {
    retryable: true,
    detail,
  })
}
