/** Runs one command line against a server under test and keeps what it prints. */

import type { CliActions } from '../../src/cli/context.ts'
import { runCli } from '../../src/cli/run.ts'
import { loadConfig } from '../../src/config.ts'
import { createDatasetActions } from '../../src/dataset-actions.ts'
import { createEvalActions } from '../../src/eval-actions.ts'
import { createPromptActions } from '../../src/prompt-actions.ts'
import { createQualityActions } from '../../src/quality-actions.ts'
import { createSyncActions } from '../../src/sync-actions.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { noAuditActions } from './audit-actions.ts'

export type Printed = { exitCode: number; out: string; err: string }

/** Somebody who gives `answers`, and then leaves, sits there. Files are looked for in `directory`; the process's own environment and aval.yaml are not. */
export async function commandLine(
  words: readonly string[],
  server: { url: string; key: string | null },
  {
    directory,
    stop = new AbortController().signal,
    answers,
  }: { directory: string; stop?: AbortSignal; answers?: string[] },
): Promise<Printed> {
  const output = { out: '', err: '' }
  const none = async () => 0
  const actions: CliActions = {
    serve: none,
    work: none,
    migrate: none,
    check: none,
    selfCheck: async () => [],
    audit: noAuditActions(),
    prompts: createPromptActions(directory),
    retrieval: async () => ({ sources: [], indexes: [] }),
    policies: { check: async () => [] },
    quality: createQualityActions({
      directory,
      read: () => loadConfig({}, directory),
      logger: async () => createLogger('silent', process.stderr),
      stop,
    }),
    datasets: createDatasetActions(directory),
    evals: createEvalActions(directory),
    sync: createSyncActions(directory),
  }
  const terminal = {
    write: (text: string) => {
      output.out += text
    },
    writeError: (text: string) => {
      output.err += text
    },
    interactive: answers !== undefined,
    colors: false,
    columns: 120,
    timeZone: 'UTC',
    ask: async () => answers?.shift() ?? null,
    confirm: async () => false,
    progressStream: process.stderr,
  }
  const exitCode = await runCli(
    { version: '0.1.0', settings: server, terminal, actions, nowMs: Date.now, stop },
    words,
  )
  return { exitCode, ...output }
}
