/**
 * Every job there is and what its payload holds: ids only, never content. The database is the truth; a job only says
 * that something there wants looking at, so losing or repeating one must never lose or repeat the work.
 */

import { z } from 'zod'

export const JOBS = {
  /** Creates the daily partitions of the coming days. */
  'ensure-partitions': z.strictObject({}),
  /** Writes the files of an export. */
  'write-export': z.strictObject({ exportId: z.string().regex(/^exp_[0-9a-z]{26}$/) }),
  /** Deletes expired exports and rings again for forgotten ones. */
  'tidy-exports': z.strictObject({}),
  /** Reads a source anew. */
  'sync-source': z.strictObject({ syncId: z.string().regex(/^syn_[0-9a-z]{26}$/) }),
  /** Builds a version of an index, from where the last build of it stopped. */
  'build-index': z.strictObject({ indexId: z.string().regex(/^iv_[0-9a-z]{26}$/) }),
  /** Rings again for syncs and builds that wait, or whose worker is gone. */
  'tidy-retrieval': z.strictObject({}),
  /** Has a vector store searched as it now is. */
  'update-store': z.strictObject({ storeId: z.string().regex(/^vs_[0-9a-z]{26}$/) }),
  /** Lets expired files and stores go; rings again for stores that wait. */
  'tidy-stores': z.strictObject({}),
  /** Asks and judges what is left of a run. */
  'run-suite': z.strictObject({ runId: z.string().regex(/^run_[0-9a-z]{26}$/) }),
  /** Rings again for runs that wait, or whose worker is gone. */
  'tidy-runs': z.strictObject({}),
  /** Goes on with a model that an upstream trains. */
  'advance-fine-tune': z.strictObject({ fineTuneId: z.string().regex(/^ftn_[0-9a-z]{26}$/) }),
  /** Rings for models in training that are to be looked at, or whose worker is gone. */
  'tidy-fine-tunes': z.strictObject({}),
  /** Takes a promotion as far as it goes by itself. */
  'advance-promotion': z.strictObject({ promotionId: z.string().regex(/^prm_[0-9a-z]{26}$/) }),
  /** Rings for every promotion that is under way. */
  'watch-promotions': z.strictObject({}),
  /** Judges what a live order asks for and nobody has judged yet. */
  'score-traffic': z.strictObject({ orderId: z.string().regex(/^onl_[0-9a-z]{26}$/) }),
  /** Rings for live orders, whose traffic goes on. */
  'tidy-online': z.strictObject({}),
  /** Sums up what has come into the log. */
  'roll-up': z.strictObject({}),
  /** Lets go of sums that are old enough. */
  'tidy-rollups': z.strictObject({}),
  /** Gives what requests came to in the last minutes to the detectors. */
  'watch-series': z.strictObject({}),
  /** Does what policies let an alert do. */
  'act-on-alert': z.strictObject({ alertId: z.string().regex(/^alr_[0-9a-z]{26}$/) }),
  /** Rings for alerts whose policies have not all been asked. */
  'tidy-actions': z.strictObject({}),
  /** Puts the opening and the end of alerts on the log. */
  'log-alerts': z.strictObject({}),
  /** Tells alerts to the channels of aval.yaml. */
  'deliver-alerts': z.strictObject({}),
  /** Compares windows of routes' traffic: those that are due, and those that somebody asked for. */
  'compare-windows': z.strictObject({}),
  /** Gives judges of live traffic the answers again that they judged before, once a day. */
  'score-sentinels': z.strictObject({}),
} as const satisfies Record<string, z.ZodType>

export type JobName = keyof typeof JOBS
export type JobPayload<Name extends JobName> = z.infer<(typeof JOBS)[Name]>

/** Tells the workers of a job; one of that name and key that waits or runs already is not added again. */
export type Ring = <Name extends JobName>(name: Name, payload: JobPayload<Name>, key: string) => Promise<void>

/** True for a name of this version's table; a job of a newer version is not. */
export function isJobName(name: string): name is JobName {
  return Object.hasOwn(JOBS, name)
}
