/** What a gate demands, as people read it. Pure. */

import type { Gate } from '../runs/gates.ts'

const RULES: Readonly<Record<Gate['rule'], string>> = {
  at_least: 'at least',
  at_most: 'at most',
  not_worse_by: 'not worse by',
  observed_at_least: 'of these at least',
  flips_at_most: 'flips at most',
}

/** `not worse by 0.02`. */
export function demandText({ rule, bar, perturbation }: Pick<Gate, 'rule' | 'bar' | 'perturbation'>): string {
  const by = perturbation === undefined ? '' : ` by ${perturbation}`
  return `${RULES[rule]} ${Number(bar.toPrecision(4))}${by}`
}
