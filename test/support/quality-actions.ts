/** Measuring actions for command lines under test that never call them. */

import type { QualityActions } from '../../src/cli/quality.ts'

export function noQualityActions(): QualityActions {
  const refuse = async (): Promise<never> => {
    throw new Error('This test measures nothing.')
  }
  return {
    bench: refuse,
    drift: refuse,
    embedding: refuse,
    groundedness: refuse,
    judge: refuse,
    queries: refuse,
  }
}
