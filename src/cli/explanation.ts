/** An explanation as /api sends it, and as a line of causes tells it. */

import type { ToldExplanation } from '../lib/cause-line.ts'

export type WireWindow = { from: string; to: string; requests: number; level: number | null }
export type WireExplanation = {
  began_at: string
  baseline: { kind: string; why: string }
  before: WireWindow
  after: WireWindow
  measure: string | null
  unit: string | null
  base: number | null
  difference: number
  causes: { cause: string; amount: number }[]
  unknowns: { reason: string; requests: number; text: string }[]
  changes: { kind: string; at: string; target: string; text: string }[]
  segments: { dimension: string; value: string; amount: number }[]
}
export function toldOf({ began_at, changes, ...explanation }: WireExplanation): ToldExplanation {
  return {
    ...explanation,
    beganAtMs: Date.parse(began_at),
    changes: changes.map(({ at, ...change }) => ({ ...change, atMs: Date.parse(at) })),
  }
}
