/** Why traffic costs more or less: more requests, longer ones, a dearer price, or dearer models. Pure and exact. */

import type { Cause, Unknown } from '../alerts/alert.ts'
import { changeOf, midpoint, productChange, ratioPair } from './midpoint.ts'
import { mixChange } from './mix.ts'
import { type Amounts, type FiguresOf, modelCostChange } from './model-cost.ts'
import { groupPlaces, sumPair, type Windows } from './places.ts'

export type Causes = { causes: Amounts; unknowns: readonly Unknown[] }

/**
 * Micro-USD a priced request; both windows must have some. Of each model i with share s and mean cost c of its requests,
 * Δ(Σ s·c) = Σ s̄·Δc (tokens and price) + Σ Δs·(c̄ − C̄) (mix). The nesting keeps it exact: no factor is above two.
 */
export function requestCostChange(windows: Windows, figuresOf: FiguresOf): Causes {
  const models = groupPlaces(windows, ['upstream', 'model']).map((model) => ({
    ...model,
    count: sumPair(model, ({ priced }) => priced),
    sum: sumPair(model, ({ costMicroUsd }) => Number(costMicroUsd)),
  }))
  const causes: Amounts = {}
  let withoutFigures = 0
  for (const { mix, share, count, ...model } of mixChange(models)) {
    add(causes, { mix })
    // What came or went is mix alone; and the price of what was not there need not be known.
    if (count.before === 0 || count.after === 0) continue
    const within = modelCostChange(model, figuresOf)
    if ('tokens' in within || 'tokens_or_price' in within) withoutFigures += count.before + count.after
    add(causes, within, share)
  }
  return {
    causes,
    unknowns: withoutFigures === 0 ? [] : [{ reason: 'price_figures', requests: withoutFigures }],
  }
}

/**
 * Whole micro-USD of everything: Δ(N·C) = ΔN·C̄ (volume) + N̄·ΔC, where C is the mean cost, N the priced requests. The windows must be
 * of one length. Rounded so that the parts add up to the difference.
 */
export function spendChange(windows: Windows, figuresOf: FiguresOf): Causes {
  const priced = sumPair(windows, (figures) => figures.priced)
  const spend = sumPair(windows, ({ costMicroUsd }) => Number(costMicroUsd))
  if (priced.before === 0 || priced.after === 0) return { causes: { volume: changeOf(spend) }, unknowns: [] }
  const { first: volume } = productChange(priced, ratioPair(spend, priced))
  const { causes, unknowns } = requestCostChange(windows, figuresOf)
  const whole: Amounts = { volume }
  add(whole, causes, midpoint(priced))
  return { causes: roundedTo(whole, changeOf(spend)), unknowns }
}

/** Adds `amounts` times `weight`. */
function add(causes: Amounts, amounts: Amounts, weight = 1): void {
  for (const [cause, amount] of Object.entries(amounts) as [Cause, number][]) {
    causes[cause] = (causes[cause] ?? 0) + amount * weight
  }
}

/** Whole numbers that add up to the whole `total`: rounded down, and what is left to those that lost most (largest remainder). */
function roundedTo(amounts: Amounts, total: number): Amounts {
  const entries = Object.entries(amounts) as [Cause, number][]
  const floors = entries.map(([cause, amount]) => ({
    cause,
    floor: Math.floor(amount),
    lost: amount - Math.floor(amount),
  }))
  let left = total - floors.reduce((sum, { floor }) => sum + floor, 0)
  floors.sort((a, b) => b.lost - a.lost)
  const rounded: Amounts = {}
  for (const { cause, floor } of floors) {
    const step = Math.min(1, Math.max(0, left))
    rounded[cause] = floor + step
    left -= step
  }
  return rounded
}
