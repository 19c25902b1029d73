/** Durations and sizes as people write them in a config: `250ms`, `30s`, `5m`, `16MiB`. */

const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  KiB: 1024,
  MB: 1000 ** 2,
  MiB: 1024 ** 2,
  GB: 1000 ** 3,
  GiB: 1024 ** 3,
}

/** Milliseconds of `1.5s`, `2m`…; null when the text is not a duration. */
export function parseDurationMs(text: string): number | null {
  return parse(text, DURATION_MS)
}

/** Bytes of `16MiB`, `20GB`…; null when the text is not a size. */
export function parseSizeBytes(text: string): number | null {
  return parse(text, SIZE_BYTES)
}

/** `14 d`, `30 min`, in the largest unit of which it is a whole number. */
export function durationText(ms: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1000, 's'],
  ]
  const [size, unit] = units.find(([one]) => ms >= one && ms % one === 0) ?? [1, 'ms']
  return `${ms / size} ${unit}`
}

function parse(text: string, units: Readonly<Record<string, number>>): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim())
  const unit = match?.[2]
  const factor = unit !== undefined && Object.hasOwn(units, unit) ? units[unit] : undefined
  return factor === undefined ? null : Math.round(Number(match?.[1]) * factor)
}
