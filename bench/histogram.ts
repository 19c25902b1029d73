/**
 * Counts of latencies in microseconds, in log-linear buckets: bounded memory, percentiles within 1 %.
 * Never keeps single samples. (The bucket scheme of HdrHistogram, hdrhistogram.github.io.)
 */

/** Buckets per power of two; 128 keep the relative error of a percentile below 1/128. */
const STEPS = 128
/** 2^26 µs = 67 s; slower samples count as that. */
const POWERS = 26

export interface Histogram {
  counts: number[]
  total: number
  maxUs: number
}

export function newHistogram(): Histogram {
  return { counts: new Array<number>(STEPS * (POWERS - 5)).fill(0), total: 0, maxUs: 0 }
}

function bucketOf(valueUs: number): number {
  if (valueUs < STEPS) return Math.max(0, Math.floor(valueUs))
  const power = Math.floor(Math.log2(valueUs))
  return (power - 6) * STEPS + Math.floor((valueUs / 2 ** power - 1) * STEPS)
}

/** The middle of a bucket, in µs. */
function middleOf(bucket: number): number {
  if (bucket < STEPS) return bucket + 0.5
  const power = Math.floor(bucket / STEPS) + 6
  return 2 ** power * (1 + ((bucket % STEPS) + 0.5) / STEPS)
}

export function record(histogram: Histogram, valueUs: number): void {
  const bucket = Math.min(bucketOf(valueUs), histogram.counts.length - 1)
  histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1
  histogram.total += 1
  if (valueUs > histogram.maxUs) histogram.maxUs = valueUs
}

/** The value below which this share (0 to 1) of the samples lies, in µs; NaN without samples. */
export function percentile(histogram: Histogram, share: number): number {
  if (histogram.total === 0) return Number.NaN
  const wanted = Math.max(1, Math.ceil(share * histogram.total))
  let seen = 0
  for (const [bucket, count] of histogram.counts.entries()) {
    seen += count
    if (seen >= wanted) return middleOf(bucket)
  }
  return histogram.maxUs
}

/** How many samples lie between two values, in µs. */
export function countBetween(histogram: Histogram, fromUs: number, toUs: number): number {
  return histogram.counts.reduce((sum, count, bucket) => {
    const value = middleOf(bucket)
    return value >= fromUs && value < toUs ? sum + count : sum
  }, 0)
}

export function median(values: readonly number[]): number {
  const sorted = values.filter(Number.isFinite).sort((left, right) => left - right)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
