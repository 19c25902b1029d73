/** Temperature, top-p and seed over one row of logits. Pure apart from writing into the row it is given. */

import { seededRandom } from '../../lib/random.ts'

type Logits = { data: Float32Array }
export type SamplerSettings = { temperature: number; topP: number; seed: number }

/**
 * A logits processor that picks a token and leaves only that one above minus infinity. Temperature 0 picks the
 * largest. Nucleus sampling after Holtzman et al. 2020 (https://arxiv.org/abs/1904.09751).
 */
export function createSampler({ temperature, topP, seed }: SamplerSettings) {
  const random = seededRandom(seed)
  return (_tokens: unknown, logits: Logits): Logits => {
    if (temperature > 0) keepOnly(logits.data, pick(logits.data, temperature, topP, random()))
    return logits
  }
}

function pick(row: Float32Array, temperature: number, topP: number, point: number): number {
  const largest = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
  // Beyond e^-20 of the likeliest a token is never drawn; leaving them out keeps the sort short.
  const tokens: { at: number; weight: number }[] = []
  row.forEach((value, at) => {
    const exponent = (value - largest) / temperature
    if (exponent > -20) tokens.push({ at, weight: Math.exp(exponent) })
  })
  tokens.sort((left, right) => right.weight - left.weight || left.at - right.at)
  const total = tokens.reduce((sum, { weight }) => sum + weight, 0)
  const nucleus: typeof tokens = []
  let held = 0
  for (const token of tokens) {
    nucleus.push(token)
    held += token.weight
    if (held >= topP * total) break
  }
  let left = point * held
  for (const { at, weight } of nucleus) {
    left -= weight
    if (left <= 0) return at
  }
  return nucleus[0]?.at ?? 0
}

function keepOnly(row: Float32Array, chosen: number): void {
  const value = row[chosen] ?? 0
  row.fill(Number.NEGATIVE_INFINITY)
  row[chosen] = value
}
