#!/usr/bin/env node
import { loadConfig, processEnvironment } from './config.ts'
/** interim */
import { ConfigError } from './errors.ts'
import { serve } from './serve.ts'
import { createLogger } from './telemetry/logger.ts'

const config = loadConfig(processEnvironment(), process.cwd())
const stop = new AbortController()
process.on('SIGTERM', () => stop.abort())
process.on('SIGINT', () => stop.abort())
try {
  await serve(config, {
    directory: process.cwd(),
    migrateServer: false,
    logger: createLogger(config.log.level, process.stderr),
    print: (t) => void process.stdout.write(t),
    stop,
    onReloadSignal: (r) => void process.on('SIGHUP', r),
  })
} catch (e) {
  if (e instanceof ConfigError) {
    process.stderr.write(`${e.message}\n`)
    process.exitCode = 2
  } else throw e
}
