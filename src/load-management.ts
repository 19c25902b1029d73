/**
 * Loads what manages a gateway when somebody first does. In steps, because modules are compiled and run on the thread that
 * serves: between two of them it answers model calls.
 */

import { setImmediate } from 'node:timers/promises'
import type { App } from './http/frame.ts'
import { holdYoungGeneration, releaseYoungGeneration } from './lib/young-generation.ts'
import type { MadeParts } from './management-parts.ts'
import type { OpenedParts } from './opened-parts.ts'

/** Each brings what it needs and those before it did not, about as much as the others. The rest comes with the app. */
const STEPS: readonly (() => Promise<unknown>)[] = [
  () => import('./http/api/validation.ts'),
  () => import('./http/api/alert-body.ts'),
  () => import('./http/api/alerts.ts'),
  () => import('./http/api/calibrations.ts'),
  () => import('./http/api/cards.ts'),
  () => import('./http/api/dataset-body.ts'),
  () => import('./http/api/eval-run-actions.ts'),
  () => import('./http/api/exports.ts'),
  () => import('./http/api/index-search.ts'),
  () => import('./http/api/labels.ts'),
  () => import('./http/api/monitor.ts'),
  () => import('./http/api/monitor-explain.ts'),
  () => import('./http/api/prompts.ts'),
  () => import('./http/api/source-documents.ts'),
  () => import('./http/v1/stores.ts'),
  () => import('./http/api/promotions.ts'),
  () => import('./http/api/online-scores.ts'),
  () => import('./http/api/erasures.ts'),
  () => import('./http/api/reviews.ts'),
  () => import('./http/api/requests.ts'),
  () => import('./http/api/datasets.ts'),
  () => import('./http/api/releases.ts'),
  () => import('./http/api/api.ts'),
]

/** Rejects when a module cannot be loaded; may then be called again. */
export async function loadManagement(opened: OpenedParts, made: MadeParts): Promise<App> {
  holdYoungGeneration()
  try {
    for (const step of STEPS) {
      await step()
      await setImmediate()
    }
    const { openManagement } = await import('./management-parts.ts')
    await setImmediate()
    return openManagement(opened, made)
  } finally {
    releaseYoungGeneration()
  }
}
