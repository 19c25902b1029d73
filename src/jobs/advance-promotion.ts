/** Takes one promotion as far as it goes by itself. Safe to run twice: a step that somebody else has taken is not taken again. */

import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'

export type AdvancePromotionDeps = {
  /** The state it is then in; null when there is no such promotion. */
  advance: (id: string, runSuite: (runId: string) => Promise<void>) => Promise<{ state: string } | null>
}

/** Throws ZodError for a payload without an id, and whatever a second try may mend. */
export async function runAdvancePromotion(
  { advance, enqueuer }: AdvancePromotionDeps & { enqueuer: Enqueuer },
  payload: unknown,
): Promise<string> {
  const { promotionId } = JOBS['advance-promotion'].parse(payload)
  const runSuite = (runId: string) => enqueuer.enqueue('run-suite', { runId }, { key: runId })
  return (await advance(promotionId, runSuite))?.state ?? 'gone'
}
