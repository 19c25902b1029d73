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
/** The whole registry, page by page. */
const LOAD_LIMIT_MS = 60_000

export class LiveRegistry {
  readonly #setup: FollowSetup
  readonly #follower: Follower
  #book = new RegistryBook(EMPTY_REGISTRY)
  #version: string | null = null

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
    if (this.#version === null) await this.#loadFile()
  }

  /** Looks now: what this process has just changed is served at once. */
  async look(): Promise<void> {
    await this.#follower.look()
  }

  async stop(): Promise<void> {
    await this.#follower.stop()
  }

  async #look(): Promise<void> {
    const { db } = this.#setup.connection
    const version = String(await answered(readRegistryVersion(db)))
    if (version === this.#version) return
    const data = await answered(readRegistry(db, version), LOAD_LIMIT_MS)
    await this.#use(data, 'database')
    this.#version = version
    const { file } = this.#setup
    if (file === null) return
    try {
      await writeRegistryFile(file.path, file.pepper, data)
    } catch (error) {
      this.#setup.onEvent({ kind: 'file_problem', error })
    }
  }

  async #loadFile(): Promise<void> {
    const { file } = this.#setup
    if (file === null) return
    try {
      const data = await readRegistryFile(file.path, file.pepper)
      if (data !== null && this.#version === null) await this.#use(data, 'file')
    } catch (error) {
      this.#setup.onEvent({ kind: 'file_problem', error })
    }
  }

  async #use(data: RegistryData, from: 'database' | 'file'): Promise<void> {
    this.#book = await RegistryBook.compile(data)
    this.#setup.onEvent({ kind: 'loaded', from, releases: data.releases.length, version: data.version })
  }
}
