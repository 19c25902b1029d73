/** Monitoring as the HTTP surface uses it: with the log, the worker's bell and the rules in force. */

import type { Sql } from 'postgres'
import type { Db } from './db/client.ts'
import type { ApiDeps } from './http/api/api.ts'
import type { Recorder } from './http/api/recorder.ts'
import { systemClock } from './lib/clock.ts'
import type { Ring } from './queue/jobs.ts'
import type { Runtime } from './runtime.ts'

type Opened = { db: Db; sql: Sql; ring: Ring; runtime: Runtime }

export function monitoringDeps(
  { db, sql, ring, runtime }: Opened,
  record: Recorder,
): Pick<ApiDeps, 'spend' | 'monitor' | 'monitorData' | 'monitorExplain' | 'alerts'> {
  const clock = systemClock
  const rules = () => runtime.config().alerts
  const keep = () => runtime.config().monitoring.keep
  return {
    spend: { sql, clock, record, keep },
    monitor: { sql, clock, record, keep },
    monitorData: { sql, clock, record, ring },
    monitorExplain: { sql, clock, record },
    alerts: {
      sql,
      db,
      clock,
      record,
      rules: () => rules().rules,
      channels: () => rules().channels.map(({ name }) => name),
      test: async (projectId, channel) => {
        // Loaded with the first test: a gateway sends no other message.
        const { openAlertChannels } = await import('./alert-channels.ts')
        const channels = openAlertChannels(rules, { clock })
        try {
          return await channels.test(projectId, channel)
        } finally {
          await channels.close()
        }
      },
    },
  }
}
