/** The audit commands that read the log's database themselves, so that nobody has to believe a running server. */

import { readFileSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { followEndorsements } from './audit/evidence/endorsement.ts'
import type { OutsideHead } from './audit/verify/heads.ts'
import { threadsFor } from './audit/verify/pages.ts'
import { proveRequest } from './audit/verify/prove.ts'
import { listSigningKeys } from './audit/verify/source.ts'
import { type VerifyReport, verifyLog } from './audit/verify/verify.ts'
import type { AuditActions } from './cli/context.ts'
import { CliError, EXIT } from './cli/exit-codes.ts'
import type { Config } from './config.ts'
import { readVerifierKeys, rotateSigningKey } from './home.ts'
import { parseCheckpoint } from './lib/checkpoint.ts'
import { systemClock } from './lib/clock.ts'
import { NoteError } from './lib/note-error.ts'
import { BundleError } from './lib/proof-bundle.ts'
import { verifyNote } from './lib/signed-note.ts'
import { parseVerifierKey, type VerifierKey } from './lib/verifier-key.ts'
import { openLogDatabase } from './log-database.ts'
import type { Logger } from './telemetry/logger.ts'

/** A note or a key is a few hundred bytes. */
const MAX_FILE_BYTES = 1024 * 1024

const PROVE_PROBLEMS = {
  not_found: (id: string) => `The log has no request "${id}".`,
  no_evidence: (id: string) => `"${id}" was logged by a version that kept no evidence.`,
  not_signed_yet: (id: string) =>
    `No head has been signed over "${id}" yet. That takes ten seconds; try again.`,
} as const

/** Each reads the config when it runs: a wrong file must not keep other commands from starting. */
export function createAuditActions(
  read: () => Config,
  openLogger: (config: Config) => Promise<Logger>,
  stop: AbortSignal,
): AuditActions {
  return {
    async verify({ keys, checkpoints, sinceMs, untilMs, onProgress }) {
      const config = read()
      const database = await openLogDatabase(config, await openLogger(config))
      const cores = availableParallelism()
      try {
        const stored = await listSigningKeys(database.sql)
        const { trusted, from } = trustedKeys(config, keys, stored)
        const followed = followEndorsements(trusted, stored)
        const report: VerifyReport = await verifyLog(database.sql, {
          keys: followed,
          outside: checkpoints.flatMap((path) => outsideHead(path, followed)),
          sinceMs,
          untilMs,
          nowMs: systemClock.nowMs(),
          onProgress,
          signal: stop,
          ...(cores > 1 && { threads: threadsFor(database.url, cores) }),
        })
        return { ...report, keys: followed.map(({ text }) => text), keysFrom: from }
      } finally {
        await database.close()
      }
    },
    async prove(id, withBodies) {
      const config = read()
      const database = await openLogDatabase(config, await openLogger(config))
      try {
        const bundle = await proveRequest(database.sql, id, withBodies)
        if (typeof bundle !== 'string') return bundle
        throw new CliError(bundle === 'not_found' ? EXIT.usage : EXIT.incomplete, PROVE_PROBLEMS[bundle](id))
      } catch (error) {
        if (!(error instanceof BundleError)) throw error
        throw new CliError(EXIT.altered, `${error.message} Run aval audit verify.`)
      } finally {
        await database.close()
      }
    },
    async rotateKey() {
      const config = read()
      if (config.bring.signingKey !== null) {
        const message = `The signing key comes from ${config.bring.signingKey.source}. Put a new one there, name the old one in audit.previous_signing_key, and restart.`
        throw new CliError(EXIT.usage, message)
      }
      rotateSigningKey(config.home)
    },
    async keys() {
      const config = read()
      const database = await openLogDatabase(config, await openLogger(config))
      try {
        return await listSigningKeys(database.sql)
      } finally {
        await database.close()
      }
    },
  }
}

/** Given ones; else this machine's own; else what the database says, which a forger could have written. */
function trustedKeys(
  config: Config,
  given: readonly string[],
  stored: readonly { verifierKey: string }[],
): { trusted: VerifierKey[]; from: 'given' | 'this machine' | 'the database' } {
  if (given.length > 0) return { trusted: given.map(readVerifierKey), from: 'given' }
  const own = readVerifierKeys(config.home)
  if (own.length > 0) return { trusted: own.map(readVerifierKey), from: 'this machine' }
  return { trusted: stored.map(({ verifierKey }) => parseVerifierKey(verifierKey)), from: 'the database' }
}

/** The key itself, or a file that holds it. */
function readVerifierKey(given: string): VerifierKey {
  const text = /\+[0-9a-f]{8}\+/.test(given) ? given : readSmallFile(given, '--key')
  try {
    return parseVerifierKey(text.trim())
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    throw new CliError(EXIT.usage, `--key ${given}: ${error.message}`)
  }
}

/** Heads in a file: one signed note, as `aval audit witness` keeps them or as it was copied from the database. */
function outsideHead(path: string, keys: readonly VerifierKey[]): OutsideHead[] {
  try {
    return [{ head: parseCheckpoint(verifyNote(readSmallFile(path, '--checkpoint'), keys).text), from: path }]
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    throw new CliError(EXIT.usage, `--checkpoint ${path}: ${error.message}`)
  }
}

function readSmallFile(path: string, option: string): string {
  try {
    if (statSync(path).size > MAX_FILE_BYTES)
      throw new CliError(EXIT.usage, `${option} ${path}: too large for a note.`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof CliError) throw error
    throw new CliError(
      EXIT.usage,
      `${option} ${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`,
    )
  }
}
