/** Local models for this process: which folders they come from, what is logged of them, and how `/api` manages them. */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from './config.ts'
import type { LocalModel, ModelManagement, PullProgress } from './http/api/models.ts'
import { createLocalProvider, type LocalModelEntry, type LocalProvider } from './providers/local/local.ts'
import type { Provider } from './providers/provider.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'

/** What the repository brings along. */
const SHIPPED = fileURLToPath(new URL('../models', import.meta.url))

export type LocalModels = {
  /** A provider over the shipped folder, the given one and the pulled ones. The registry closes what it retires. */
  provider: (modelsDir: string | null) => Provider
  management: ModelManagement
}

export function createLocalModels(config: Config, logger: Logger): LocalModels {
  const cacheFolder = join(config.home, 'models')
  const open = (modelsDir: string | null): LocalProvider => {
    const folders = [SHIPPED, modelsDir, config.models.folder, cacheFolder].filter(
      (folder) => folder !== null,
    )
    return createLocalProvider({
      folders,
      hub: { enabled: config.models.hub, cacheFolder },
      onEvent: (event) => events.localModel(logger, event),
    })
  }
  // The one made last is in force; the command line manages its folders.
  let current: LocalProvider | null = null
  const provider = (modelsDir: string | null): Provider => {
    current = open(modelsDir)
    return current
  }
  const inForce = () => {
    current ??= open(null)
    return current
  }
  return {
    provider,
    management: {
      listModels: async () => (await inForce().listLocalModels()).map(toListed),
      pullModel: (name, signal) => pullSteps(inForce(), name, signal),
      removeModel: async (name) => (await inForce().removeModel(name)) !== '',
    },
  }
}

function toListed(model: LocalModelEntry): LocalModel {
  return {
    name: model.name,
    tasks: [model.task],
    sizeBytes: model.sizeBytes,
    shipped: model.folder.startsWith(SHIPPED),
    loaded: model.loaded,
  }
}

/** Turns progress callbacks into steps; a slow reader sees the newest step, never a growing list. */
async function* pullSteps(
  provider: LocalProvider,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<PullProgress> {
  let newest: PullProgress | null = null
  let wake: () => void = () => undefined
  let over = false
  const pulled = provider
    .pullModel(
      name,
      (progress) => {
        const receivedBytes = Math.round((progress.bytes * progress.percent) / 100)
        newest = { receivedBytes, totalBytes: progress.bytes }
        wake()
      },
      signal,
    )
    .finally(() => {
      over = true
      wake()
    })
  // The failure is raised by the await below; this only keeps it from being unhandled until then.
  pulled.catch(() => undefined)
  while (!over) {
    await new Promise<void>((resolve) => {
      wake = resolve
      if (newest !== null || over) resolve()
    })
    const step: PullProgress | null = newest
    newest = null
    if (step !== null) yield step
  }
  await pulled
}
