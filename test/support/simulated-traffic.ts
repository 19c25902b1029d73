/** Made-up traffic of a route as rollups hold it: a day, a week, long-tailed latencies and an upstream whose speed wanders. Seeded. */

import { seededRandom } from '../../src/lib/random.ts'
import { type Figures, newFigures } from '../../src/monitoring/rollups/figures.ts'
import { learn } from '../../src/monitoring/rollups/sketch.ts'

/** Medians and standard deviations of logarithms; `perMinute` at the busiest hour. */
export type TrafficShape = {
  route: string
  perMinute: number
  /** Share of a weekday's traffic on Saturday and Sunday. */
  weekend: number
  inputTokens: number
  outputTokens: number
  outputSpread: number
  firstTokenMs: number
  firstTokenSpread: number
  msPerToken: number
  /** Of an hour's mean, by itself: the upstream's speed, and how long answers are. */
  wander: number
  errors: number
  refusals: number
  cut: number
  /** Micro-USD of a thousand tokens. */
  inputPrice: number
  outputPrice: number
}
/** What is changed at a moment: factors of times, lengths and requests, and another share of errors. */
export type Effect = { times: number; outputTokens: number; errors: number | null; requests: number }
export const NO_EFFECT: Effect = { times: 1, outputTokens: 1, errors: null, requests: 1 }

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** A Monday, so that the fifth and sixth day are a weekend. */
export const MONDAY_MS = Date.UTC(2026, 0, 5)

const CHAT: TrafficShape = {
  route: 'chat',
  perMinute: 60,
  weekend: 0.4,
  inputTokens: 900,
  outputTokens: 180,
  outputSpread: 0.7,
  firstTokenMs: 420,
  firstTokenSpread: 0.45,
  msPerToken: 14,
  wander: 0.04,
  errors: 0.01,
  refusals: 0.01,
  cut: 0.02,
  inputPrice: 150,
  outputPrice: 600,
}
export const SHAPES: readonly TrafficShape[] = [
  CHAT,
  { ...CHAT, route: 'extract', perMinute: 25, weekend: 0.1, outputTokens: 60, outputSpread: 0.4, cut: 0.005 },
  {
    ...CHAT,
    route: 'agent',
    perMinute: 30,
    outputTokens: 350,
    outputSpread: 1.1,
    firstTokenSpread: 0.9,
    wander: 0.08,
  },
  { ...CHAT, route: 'global', perMinute: 40, weekend: 0.95, errors: 0.003, refusals: 0.002 },
  { ...CHAT, route: 'rare', perMinute: 3, weekend: 0.5 },
]

/** One bucket of five minutes after the other, from Monday on; null where nothing was asked. */
export function simulateTraffic(
  shape: TrafficShape,
  seed: number,
): (atMs: number, effect?: Effect) => Figures {
  const random = seededRandom(seed)
  const normal = gaussian(random)
  const wander = { speed: 0, length: 0, traffic: 0 }
  const step = (key: keyof typeof wander, deviation: number) => {
    // Autoregressive, so that one bucket is like the one before for some hours.
    wander[key] = 0.97 * wander[key] + Math.sqrt(1 - 0.97 ** 2) * deviation * normal()
    return wander[key]
  }
  return (atMs, effect = NO_EFFECT) => {
    const busy = busyAt(shape, atMs)
    const speed = Math.exp(step('speed', shape.wander)) * (1 + 0.12 * busy) * effect.times
    const length = Math.exp(step('length', shape.wander / 2)) * effect.outputTokens
    const count = poisson(
      shape.perMinute * 5 * busy * effect.requests * Math.exp(step('traffic', 0.08)),
      random,
      normal,
    )
    const figures = newFigures()
    for (let at = 0; at < count; at += 1)
      addRequest(figures, shape, { speed, length, effect }, random, normal)
    return figures
  }
}

/** 0.1…1: little at night, most in the afternoon, less at the weekend. */
function busyAt({ weekend }: TrafficShape, atMs: number): number {
  const hour = (atMs % DAY_MS) / HOUR_MS
  const day = Math.floor((atMs - MONDAY_MS) / DAY_MS) % 7
  const ofDay = 0.1 + 0.9 * Math.max(0, Math.sin(((hour - 5) / 19) * Math.PI)) ** 1.5
  return ofDay * (day >= 5 ? weekend : 1)
}

function addRequest(
  figures: Figures,
  shape: TrafficShape,
  { speed, length, effect }: { speed: number; length: number; effect: Effect },
  random: () => number,
  normal: () => number,
): void {
  figures.requests += 1
  const outcome = random()
  const errors = effect.errors ?? shape.errors
  if (outcome < errors) {
    figures.outcomes.upstream_error += 1
    return
  }
  if (outcome > 0.99) {
    figures.outcomes[outcome > 0.995 ? 'client_abort' : 'rejected'] += 1
    return
  }
  const kind = random()
  figures.outcomes.completed += 1
  if (kind < shape.refusals) figures.filtered += 1
  else if (kind < shape.refusals + shape.cut) figures.cut += 1
  const output = Math.max(
    1,
    Math.round(shape.outputTokens * length * Math.exp(shape.outputSpread * normal())),
  )
  const input = Math.max(1, Math.round(shape.inputTokens * Math.exp(0.5 * normal())))
  const firstToken = shape.firstTokenMs * speed * Math.exp(shape.firstTokenSpread * normal())
  const perToken = shape.msPerToken * speed * Math.exp(0.15 * normal())
  figures.told += 1
  figures.inputTokens += input
  figures.outputTokens += output
  figures.priced += 1
  figures.costMicroUsd += BigInt(Math.round((input * shape.inputPrice + output * shape.outputPrice) / 1000))
  learn(figures.latency, firstToken + output * perToken)
  learn(figures.ttft, firstToken)
  learn(figures.msPerOutputToken, perToken)
}

export function gaussian(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Knuth's product for few, the rounded normal approximation for many. */
function poisson(mean: number, random: () => number, normal: () => number): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()))
  let [count, product] = [-1, 1]
  for (const least = Math.exp(-mean); product > least; count += 1) product *= random()
  return Math.max(0, count)
}
