/** How the causes of a change are told in one line. Pure. */

/** The part of an explanation that is told; times in milliseconds. */
export type ToldExplanation = {
  beganAtMs: number
  measure: string | null
  /** Of the measure before; null where it was of nothing. */
  base: number | null
  difference: number
  unit: string | null
  causes: readonly { cause: string; amount: number }[]
  changes: readonly { kind: string; atMs: number; target: string; text: string }[]
}

const NAMES: Readonly<Record<string, string>> = {
  cached_input: 'cached input',
  input_tokens: 'input tokens',
  output_tokens: 'output tokens',
  reasoning_tokens: 'reasoning tokens',
  tokens_or_price: 'tokens or price',
  first_token: 'first token',
  length: 'answer length',
  upstream_error: 'upstream errors',
  upstream_cut: 'cut by the upstream',
  timeout: 'timeouts',
  gateway_crash: 'crashes of the gateway',
  guardrail: 'guardrails',
  filtered: 'the model’s own filter',
  cut: 'the limit of tokens',
}

const CAUSES_MAX = 3
/** A change within this time of the beginning is said to be its beginning; what is further away stands in the list alone. */
const TOGETHER_MS = 30 * 60_000

/**
 * `output tokens +19 %, mix +3 %, price 0   began with r14 (13:38)`: the three largest causes as shares of what the measure was before,
 * the price of a cost always, and the nearest change.
 *
 * @example
 * causeLine(explanation, (ms) => new Date(ms).toISOString().slice(11, 16))
 */
export function causeLine(explanation: ToldExplanation, timeText: (ms: number) => string): string {
  const causes = causesText(explanation)
  const began = beganText(explanation, timeText)
  return causes === null ? began : `${causes}   ${began}`
}

/** Null where no cause is known. */
export function causesText(explanation: ToldExplanation): string | null {
  const { causes, measure } = explanation
  if (causes.length === 0) return null
  const shown = causes.slice(0, CAUSES_MAX)
  const price = causes.find(({ cause }) => cause === 'price' || cause === 'tokens_or_price')
  const isCost = measure === 'cost_per_request' || measure === 'spend'
  const told = [...shown, ...(price === undefined || shown.includes(price) ? [] : [price])]
  const texts = told.map(({ cause, amount }) => `${causeName(cause)} ${changeText(explanation, amount)}`)
  return [...texts, ...(isCost && price === undefined ? ['price 0'] : [])].join(', ')
}

/** `began with r14 (13:38)`, or when it began where nothing was changed just then. */
export function beganText({ changes, beganAtMs }: ToldExplanation, timeText: (ms: number) => string): string {
  const [nearest] = changes
  if (nearest === undefined || Math.abs(nearest.atMs - beganAtMs) > TOGETHER_MS)
    return `began ${timeText(beganAtMs)}`
  const name =
    nearest.kind === 'release' ? nearest.target.slice(nearest.target.lastIndexOf('@') + 1) : nearest.text
  return `began with ${name} (${timeText(nearest.atMs)})`
}

export function causeName(cause: string): string {
  return NAMES[cause] ?? cause
}

/** `+19 %` of what the measure was before; points for a share; `0` below half of one. A base of nothing makes it a share of the change. */
export function changeText(
  { base, difference, unit }: Pick<ToldExplanation, 'base' | 'difference' | 'unit'>,
  amount: number,
): string {
  if (unit === 'share') return signed(amount * 100, 'points', 1)
  if (base !== null && base > 0) return signed((amount / base) * 100, '%', 0)
  return difference === 0 ? '0' : `${Math.round((amount / difference) * 100)} % of it`
}

function signed(value: number, unit: string, digits: number): string {
  const text = Math.abs(value).toFixed(digits)
  if (Number(text) === 0) return '0'
  return `${value < 0 ? '−' : '+'}${text} ${unit}`
}
