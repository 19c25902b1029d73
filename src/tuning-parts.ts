/** Fine-tuning as the HTTP surface uses it: asked of the upstreams in force. */

import type { Sql } from 'postgres'
import type { FineTunesApiDeps } from './http/api/fine-tunes.ts'
import type { Recorder } from './http/api/recorder.ts'
import { systemClock } from './lib/clock.ts'
import type { ProviderRegistry } from './providers/registry.ts'
import type { Ring } from './queue/jobs.ts'

export function fineTunesDeps(
  { sql, ring, providers }: { sql: Sql; ring: Ring; providers: Pick<ProviderRegistry, 'current'> },
  record: Recorder,
): FineTunesApiDeps {
  return {
    sql,
    clock: systemClock,
    record,
    ring,
    speaks: (upstream) => {
      const provider = providers.current().get(upstream)
      if (provider === undefined) return null
      return { dialect: provider.dialect, tunes: provider.fineTuning !== undefined }
    },
  }
}
