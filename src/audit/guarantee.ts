/** How sure a request's records must be before something is released, and what happens when they are not. */

/**
 * `process`: written (survives SIGKILL). `power`: synced to the disk (survives a power cut). `replicated`: the row is
 * committed in the database (survives the machine).
 */
export type Durability = 'process' | 'power' | 'replicated'

/**
 * `required`: what cannot be recorded in time is not served. `best_effort`: it is served, and the log says what it
 * lacks.
 */
type AuditPolicy = 'required' | 'best_effort'

export type Guarantee = {
  durability: Durability
  policy: AuditPolicy
  /** How long a release waits for the disk or the database beyond the write. */
  deadlineMs: number
}

export const DEFAULT_GUARANTEE: Guarantee = { durability: 'process', policy: 'required', deadlineMs: 250 }
