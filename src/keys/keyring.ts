/**
 * Every live key in memory: the check on the hot path reads nothing but this. A change reaches it by NOTIFY at once
 * and by a poll within half a second; while the database is away the last good keys keep working.
 */

import type { KeyObject } from 'node:crypto'
import { answered, Follower } from '../db/follower.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type DeclaredKey, digestDeclaredKeys, type KeyEntry, NO_DECLARED_KEYS } from './declared.ts'
import type { VirtualKey } from './key.ts'
import { findByToken, type KeyIndex } from './key-index.ts'
import { readSnapshotFile, type SavedKeys, writeSnapshotFile } from './snapshot-file.ts'
import type { KeySource } from './source.ts'
import { presentedToken } from './token.ts'
import { VerifiedTokens } from './verified.ts'

/** Revocation is promised within 1 s: half of it for the poll, half for the load. */
const POLL_MS = 400
const PAGE_KEYS = 2000
const KEYS_MAX = 100_000

export type KeyringOptions = {
  load: KeySource
  declared: readonly DeclaredKey[]
  pepper: KeyObject
  clock: Clock
  logger: Logger
  /** Where the last good keys are kept for a start without a database; null keeps none. */
  snapshotPath: string | null
  /** At most this many live keys; 100,000 when not given. A load with more fails and the last keys stay. */
  maxKeys?: number
  pollMs?: number
}

export type KeyringStatus = {
  /** `nothing`: neither database nor file has answered yet; only declared keys work. */
  source: 'database' | 'file' | 'nothing'
  storedKeys: number
  declaredKeys: number
  /** When the keys in use were last known to be current, milliseconds since the epoch; null before the first load. */
  currentAtMs: number | null
  /** Why the last attempt failed, null when it worked. */
  problem: string | null
}

/** Makes a keyring. Throws ConfigError for wrong declared keys. Call `start` before it is asked. */
export function createKeyring(options: KeyringOptions): Keyring {
  return new Keyring(options)
}

export class Keyring {
  readonly #options: KeyringOptions
  #index: KeyIndex
  readonly #verified = new VerifiedTokens()
  #version: bigint | null = null
  #source: KeyringStatus['source'] = 'nothing'
  #currentAtMs: number | null = null
  readonly #follower: Follower
  #saving: Promise<void> | null = null
  #unsaved: SavedKeys | null = null

  constructor(options: KeyringOptions) {
    this.#options = options
    this.#index = { stored: new Map(), declared: NO_DECLARED_KEYS }
    const { load, logger } = options
    this.#follower = new Follower({
      listen: (onChange) => load.listen(onChange),
      pollMs: options.pollMs ?? POLL_MS,
      look: () => this.#load(),
      onProblem: (error) => logger.warn({ err: error }, 'keys_not_refreshed'),
      onCurrentAgain: () => logger.info('keys_current_again'),
      onNotListening: (error) => logger.warn({ err: error }, 'keys_not_listening'),
    })
    this.setDeclared(options.declared)
  }

  /**
   * The key that a client presents in `Authorization: Bearer` or `x-api-key`, or null. Unknown, revoked, expired and
   * wrong are one answer. Reads memory only.
   */
  authenticate(authorization: string | undefined, apiKey?: string | undefined): VirtualKey | null {
    const token = presentedToken(authorization, apiKey)
    if (token === null) return null
    const index = this.#index
    const nowMs = this.#options.clock.nowMs()
    return this.#verified.find(index, token, nowMs, () =>
      findByToken(index, this.#options.pepper, token, nowMs),
    )
  }

  /** Replaces the declared keys, on a changed aval.yaml. Throws ConfigError and keeps the old ones when one is wrong. */
  setDeclared(declared: readonly DeclaredKey[]): void {
    this.#index = { ...this.#index, declared: digestDeclaredKeys(this.#options.pepper, declared) }
  }

  /** Declared keys, for lists. */
  declaredKeys(): VirtualKey[] {
    const { byId, byDigest } = this.#index.declared
    return [...byId.values(), ...byDigest.values()].map((entry) => entry.key)
  }

  /** Loads the keys, from the file when the database does not answer, and follows changes until `stop`. */
  async start(): Promise<void> {
    await this.#follower.start()
    if (this.#source === 'nothing') await this.#loadFile()
  }

  /** Stops following changes and waits for a save under way. The keys stay usable. */
  async stop(): Promise<void> {
    await this.#follower.stop()
    await this.#saving
  }

  status(): KeyringStatus {
    return {
      source: this.#source,
      storedKeys: this.#index.stored.size,
      declaredKeys: this.#index.declared.byId.size + this.#index.declared.byDigest.size,
      currentAtMs: this.#currentAtMs,
      problem: this.#follower.problem,
    }
  }

  /**
   * Loads the keys if they changed. Never rejects: a failure keeps the keys in use and shows in `status`.
   * Calls during a load make one more load, which sees what they announce.
   */
  async refresh(): Promise<void> {
    await this.#follower.look()
  }

  async #load(): Promise<void> {
    const { load, clock } = this.#options
    const askedAtMs = clock.nowMs()
    // The version is read first: keys that change during the load have a later one and are loaded again.
    const version = await answered(load.version())
    if (version === this.#version && this.#source === 'database') {
      this.#currentAtMs = askedAtMs
      return
    }
    const stored = new Map<string, KeyEntry>()
    for (let after = ''; ; ) {
      const page = await answered(load.page(after, PAGE_KEYS))
      for (const entry of packDigests(page)) stored.set(entry.key.id, entry)
      this.#demandRoom(stored.size)
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE_KEYS) break
      after = last.key.id
    }
    this.#index = { ...this.#index, stored }
    this.#version = version
    this.#source = 'database'
    this.#currentAtMs = askedAtMs
    this.#save({ version, savedAtMs: askedAtMs, entries: [...stored.values()] })
  }

  #demandRoom(keys: number): void {
    const maxKeys = this.#options.maxKeys ?? KEYS_MAX
    if (keys <= maxKeys) return
    throw new Error(
      `The database has more than ${maxKeys} live keys, which is what a gateway holds. The keys of the last load stay in use; revoke keys that nobody uses.`,
    )
  }

  async #loadFile(): Promise<void> {
    const { snapshotPath, pepper, logger, maxKeys } = this.#options
    if (snapshotPath === null) return
    try {
      const saved = await readSnapshotFile(snapshotPath, pepper, maxKeys ?? KEYS_MAX)
      if (saved === null || this.#source === 'database') return
      this.#index = {
        ...this.#index,
        stored: new Map(packDigests(saved.entries).map((entry) => [entry.key.id, entry])),
      }
      this.#source = 'file'
      this.#currentAtMs = saved.savedAtMs
      logger.warn({ keys: saved.entries.length, savedAtMs: saved.savedAtMs }, 'keys_loaded_from_file')
    } catch (error) {
      logger.error({ err: error }, 'keys_file_refused')
    }
  }

  /** One write at a time; of those that wait only the newest is written. */
  #save(saved: SavedKeys): void {
    const { snapshotPath, pepper, logger } = this.#options
    if (snapshotPath === null) return
    this.#unsaved = saved
    this.#saving ??= (async () => {
      try {
        for (let next = this.#unsaved; next !== null; next = this.#unsaved) {
          this.#unsaved = null
          await writeSnapshotFile(snapshotPath, pepper, next)
        }
      } catch (error) {
        logger.error({ err: error }, 'keys_file_not_written')
      } finally {
        this.#saving = null
      }
    })()
  }
}

const DIGEST_BYTES = 32

/**
 * The same entries with their digests side by side in one buffer: 100,000 buffers of their own cost the collector
 * a microsecond per check. A digest of another length can match nothing and is left out.
 */
function packDigests(entries: readonly KeyEntry[]): KeyEntry[] {
  const whole = entries.filter((entry) => entry.digest.length === DIGEST_BYTES)
  const packed = Buffer.concat(whole.map((entry) => entry.digest))
  return whole.map(({ key }, at) => ({
    key,
    digest: packed.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES),
  }))
}
