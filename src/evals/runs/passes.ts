/** Whether an item passes over its repeats. The one place that decides it. Pure. */

/** Most of its repeats do, a tie not being a pass; null where none passed or failed. */
export function passesOverRepeats(passRate: number | null): boolean | null {
  return passRate === null ? null : passRate > 0.5
}
