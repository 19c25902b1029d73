/** Builds one version of an index. Safe to run twice: a second run takes over, and goes on where the first stopped. */

import { ConfigError } from '../errors.ts'
import { JOBS } from '../queue/jobs.ts'
import { type BuildDeps, buildIndex } from '../retrieval/indexes/build.ts'
import { noteWaiting } from '../retrieval/indexes/store.ts'
import type { UpstreamModels } from '../retrieval/upstream-models.ts'

export type BuildIndexDeps = Omit<BuildDeps, 'signal' | keyof UpstreamModels> & {
  /** The upstreams as aval.yaml has them now. Rejects with ConfigError for a file with mistakes. */
  models: () => Promise<UpstreamModels>
}

const MAX_ERROR_LETTERS = 500

/** Returns how it ended. Throws ZodError for a payload without an id, and whatever a second try may mend. */
export async function runBuildIndex(
  { models, ...deps }: BuildIndexDeps,
  payload: unknown,
  signal: AbortSignal,
): Promise<string> {
  const { indexId } = JOBS['build-index'].parse(payload)
  try {
    return await buildIndex({ ...deps, ...(await models()), signal }, indexId)
  } catch (error) {
    // A file that is mended later must not find a failed build: it waits, and says for what.
    if (error instanceof ConfigError) {
      await noteWaiting(
        deps.sql,
        indexId,
        `Waits for aval.yaml. ${error.message}`.slice(0, MAX_ERROR_LETTERS),
      )
    }
    throw error
  }
}
