/** What a verification found, bounded: every finding is counted, the first ones are kept with their place. */

/**
 * `altered`: what is there is not what was recorded. `incomplete`: something that should be there is not, and nobody
 * says why. `explained`: gone for a reason that itself stands on the log (an erasure, a retention, damage repaired).
 */
export type Severity = 'altered' | 'incomplete' | 'explained'

export type Finding = {
  severity: Severity
  /** What kind of thing, for machines: `leaf_mismatch`. */
  kind: string
  writer: string | null
  seq: number | null
  /** The request or event. */
  id: string | null
  message: string
}

export type Place = { writer?: string; seq?: number; id?: string }

const MAX_KEPT = 1000

export class Findings {
  readonly #kept: Finding[] = []
  readonly #counts = { altered: 0, incomplete: 0, explained: 0 }

  add(severity: Severity, kind: string, place: Place, message: string): void {
    this.#counts[severity] += 1
    const { writer = null, seq = null, id = null } = place
    if (this.#kept.length < MAX_KEPT) this.#kept.push({ severity, kind, writer, seq, id, message })
  }

  /** Those of another one, behind these. */
  append(others: Findings): void {
    for (const severity of ['altered', 'incomplete', 'explained'] as const)
      this.#counts[severity] += others.#counts[severity]
    this.#kept.push(...others.#kept.slice(0, MAX_KEPT - this.#kept.length))
  }

  get counts(): Readonly<Record<Severity, number>> {
    return { ...this.#counts }
  }

  /** At most 1,000, in the order they were found. */
  get list(): readonly Finding[] {
    return this.#kept
  }
}
