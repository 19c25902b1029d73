/** The log of a serving process, opened whole: its keys, the audit room, the heads over all writers, the count of strangers. */

import { type Audit, startAudit } from './audit/audit.ts'
import { startSuperCheckpoints } from './audit/evidence/super-checkpoints.ts'
import { createFlood, type Flood } from './audit/flood.ts'
import type { Config } from './config.ts'
import type { OpenedDatabase } from './database.ts'
import { loadAuditKey, loadPreviousSigningKey, loadSigningKey, rememberVerifierKey } from './home.ts'
import { systemClock } from './lib/clock.ts'
import { readPrivateKey } from './lib/ed25519.ts'
import { type NoteSigner, noteSigner } from './lib/signed-note.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'

/** What is not in the database when a stop has waited this long is shipped by the next start. */
const FLUSH_AT_STOP_MS = 5000

export type OpenedLog = {
  audit: Audit
  flood: Flood
  /** After `close`: whether everything came into the database. */
  shipped(): boolean
  close(): Promise<void>
}

type LogDatabase = Pick<OpenedDatabase, 'url'> & { connection: Pick<OpenedDatabase['connection'], 'sql'> }

/**
 * Keys are the home's; the spool stands in `dataFolder`, which is this process's alone. Throws what the disk says, or
 * ConfigError for a key that cannot be read.
 */
export function openLog(
  config: Config,
  database: LogDatabase,
  logger: Logger,
  stop: AbortController,
  dataFolder = config.home,
): OpenedLog {
  const { origin } = config.audit
  const signer = noteSigner(
    origin,
    readPrivateKey(loadSigningKey(config.home, config.bring.signingKey).reveal()),
  )
  rememberVerifierKey(config.home, signer.key.text)
  const audit = openAudit(config, database.url, { dataFolder, logger, stop, signer })
  // Every gateway tries, one signs.
  const supers = startSuperCheckpoints({
    sql: database.connection.sql,
    signer,
    origin,
    clock: systemClock,
    onFailure: (error) => events.superCheckpointFailed(logger, error),
  })
  const flood = createFlood(audit.log, systemClock, (error) => events.bug(logger, error, 'unauthenticated'))
  let shipped = false
  return {
    audit,
    flood,
    shipped: () => shipped,
    async close() {
      await flood.end()
      await supers.stop()
      shipped = await audit.flush(FLUSH_AT_STOP_MS)
      await audit.close(FLUSH_AT_STOP_MS)
    },
  }
}

function openAudit(
  config: Config,
  databaseUrl: string,
  given: { dataFolder: string; logger: Logger; stop: AbortController; signer: NoteSigner },
): Audit {
  const { dataFolder, logger, stop, signer } = given
  const { maxSpoolBytes, keepMs, origin, sealBodies, redaction } = config.audit
  const previous = loadPreviousSigningKey(config.home, config.bring.previousSigningKey)
  return startAudit({
    dataFolder,
    databaseUrl,
    clock: systemClock,
    secrets: {
      auditKey: Buffer.from(loadAuditKey(config.home, config.bring.auditKey).reveal()),
      signingKey: signer.privateKey,
      previousSigningKey: previous === null ? null : readPrivateKey(previous.reveal()),
    },
    origin,
    sealBodies,
    redaction,
    keepMs,
    ...(maxSpoolBytes === null ? {} : { maxBytes: maxSpoolBytes }),
    onEvent: (event) => events.auditEvent(logger, event),
    onFatal: (error) => {
      events.bug(logger, error, 'audit')
      stop.abort()
    },
  })
}
