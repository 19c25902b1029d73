/** Tasks beside each other, a bounded number at once. The first that fails ends the others, and none is left behind. */

export type TaskGroup = {
  /** Aborted when a task has failed, with its error, when the group was stopped, or by the signal that the group was given. */
  readonly signal: AbortSignal
  /** How many are under way. */
  readonly size: number
  /** Resolves once one more may be under way. */
  room(): Promise<void>
  /** Wait for `room` first. */
  begin(task: () => Promise<void>): void
  /** Resolves when one of those under way has ended, or none is. */
  oneEnded(): Promise<void>
  /** Resolves when all have ended. Throws what the first failure was. */
  allEnded(): Promise<void>
  /** Ends them, and resolves when all have ended, however they did. */
  stop(): Promise<void>
}

/** `limit`, from 1 on, is how many are under way at once. */
export function createTaskGroup(limit: number, given: AbortSignal): TaskGroup {
  const stopping = new AbortController()
  const underWay = new Set<Promise<void>>()
  let failure: { error: unknown } | null = null
  const oneEnded = async (): Promise<void> => {
    if (underWay.size > 0) await Promise.race(underWay)
  }
  const drain = async (): Promise<void> => {
    while (underWay.size > 0) await oneEnded()
  }
  return {
    signal: AbortSignal.any([given, stopping.signal]),
    get size() {
      return underWay.size
    },
    async room() {
      while (underWay.size >= limit) await oneEnded()
    },
    begin(task) {
      const promise = task()
        .catch((error: unknown) => {
          failure ??= { error }
          stopping.abort(error)
        })
        .finally(() => underWay.delete(promise))
      underWay.add(promise)
    },
    oneEnded,
    async allEnded() {
      await drain()
      if (failure !== null) throw failure.error
    },
    async stop() {
      stopping.abort()
      await drain()
    },
  }
}
