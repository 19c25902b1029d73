/** The registry in memory, followed as it changes; the last good one on disk, for a start without a database. */

import type { KeyObject } from 'node:crypto'
import type { DatabaseConnection } from '../../db/client.ts'
import { answered, Follower, listenOn } from '../../db/follower.ts'
import { RegistryBook } from './book.ts'
import { EMPTY_REGISTRY, type RegistryData, readRegistry } from './registry-data.ts'
import { readRegistryFile, writeRegistryFile } from './registry-file.ts'
import { REGISTRY_CHANNEL, readRegistryVersion } from './store.ts'

export type FollowSetup = {
  connection: DatabaseConnection
  /** The last good registry, and the key it is sealed under; null keeps none. */
  file: { path: string; pepper: KeyObject } | null
  onEvent: (event: RegistryEvent) => void
  pollMs?: number
}

type RegistryEvent =
  | { kind: 'loaded'; from: 'database' | 'file'; releases: number; version: string }
  | { kind: 'problem' | 'not_listening'; error: unknown }
  | { kind: 'current_again' }
  | { kind: 'file_problem'; error: unknown }

const POLL_MS = 1000
/** Writing a large registry takes a while of the processor: while changes follow one another the file is behind by so much at most. */
const FILE_EVERY_MS = 10_000
/** The whole registry, page by page. */
const LOAD_LIMIT_MS = 60_000

export class LiveRegistry {
  readonly #setup: FollowSetup
  readonly #follower: Follower
  #book = new RegistryBook(EMPTY_REGISTRY)
  /** As the database had it last; null before the first look. */
  #data: RegistryData | null = null
  /** Set for a while after the file was written; what changes meanwhile is unfiled. */
  #fileRest: NodeJS.Timeout | null = null
  #unfiled: RegistryData | null = null
  #writing: Promise<void> = Promise.resolve()

  constructor(setup: FollowSetup) {
    this.#setup = setup
    this.#follower = new Follower({
      listen: listenOn(setup.connection, REGISTRY_CHANNEL),
      pollMs: setup.pollMs ?? POLL_MS,
      look: () => this.#look(),
      onProblem: (error) => setup.onEvent({ kind: 'problem', error }),
      onCurrentAgain: () => setup.onEvent({ kind: 'current_again' }),
      onNotListening: (error) => setup.onEvent({ kind: 'not_listening', error }),
    })
  }

  /** Read once per request: a swap never changes a request under way. */
  get book(): RegistryBook {
    return this.#book
  }

  /** Why it may not be current, null when it is. */
  get problem(): string | null {
    return this.#follower.problem
  }

  async start(): Promise<void> {
    await this.#follower.start()
    if (this.#data === null) await this.#loadFile()
  }

  /** Looks now: what this process has just changed is served at once. */
  async look(): Promise<void> {
    await this.#follower.look()
  }

  async stop(): Promise<void> {
    await this.#follower.stop()
    if (this.#fileRest !== null) clearTimeout(this.#fileRest)
    await this.#writeFile()
  }

  async #look(): Promise<void> {
    const { db } = this.#setup.connection
    const version = String(await answered(readRegistryVersion(db)))
    if (version === this.#data?.version) return
    const data = await answered(readRegistry(db, version, this.#data), LOAD_LIMIT_MS)
    await this.#use(data, 'database')
    this.#data = data
    this.#unfiled = data
    if (this.#fileRest !== null) return
    this.#restFile()
    await this.#writeFile()
  }

  #restFile(): void {
    const rested = () => {
      this.#fileRest = null
      if (this.#unfiled === null) return
      this.#restFile()
      void this.#writeFile()
    }
    this.#fileRest = setTimeout(rested, FILE_EVERY_MS).unref()
  }

  /** One after the other, what is newest by then. Never rejects. */
  #writeFile(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeUnfiled())
    return this.#writing
  }

  async #writeUnfiled(): Promise<void> {
    const { file, onEvent } = this.#setup
    const data = this.#unfiled
    this.#unfiled = null
    if (file === null || data === null) return
    try {
      await writeRegistryFile(file.path, file.pepper, data)
    } catch (error) {
      onEvent({ kind: 'file_problem', error })
    }
  }

  async #loadFile(): Promise<void> {
    const { file } = this.#setup
    if (file === null) return
    try {
      const data = await readRegistryFile(file.path, file.pepper)
      if (data !== null && this.#data === null) await this.#use(data, 'file')
    } catch (error) {
      this.#setup.onEvent({ kind: 'file_problem', error })
    }
  }

  async #use(data: RegistryData, from: 'database' | 'file'): Promise<void> {
    this.#book = await RegistryBook.compile(data)
    this.#setup.onEvent({ kind: 'loaded', from, releases: data.releases.length, version: data.version })
  }
}
