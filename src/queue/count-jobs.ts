/** How many jobs wait, run and failed, by name. */

import type { JobQueue } from './backend.ts'

/** The queue counts by state alone; names stand in the jobs, of which so many are read of each state. */
export const MAX_COUNTED = 1000
const STATES = ['waiting', 'active', 'delayed', 'failed'] as const

/** At most a thousand jobs of a state are looked at, so a count that reaches it says "or more". */
export async function countJobs(queue: JobQueue): Promise<{ job: string; state: string; jobs: number }[]> {
  const counted = await Promise.all(
    STATES.map(async (state) => {
      const jobs = await queue.getJobs([state], 0, MAX_COUNTED - 1)
      const byName = new Map<string, number>()
      // One that was finished meanwhile is no longer there.
      for (const job of jobs) if (job != null) byName.set(job.name, (byName.get(job.name) ?? 0) + 1)
      return [...byName].map(([job, count]) => ({ job, state, jobs: count }))
    }),
  )
  return counted.flat()
}
