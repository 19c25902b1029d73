/** Reads numbers out of prose as people and models write them: thousands grouped, decimals, exponents, percent. */

export type NumberStyle = {
  /** What stands before the decimals; the other one of point and comma groups thousands. */
  decimal: '.' | ','
  /** What `12.5%` is: 12.5, or 0.125. */
  percent: 'as-written' | 'hundredths'
}

/** Group thousands in either style: thin and fixed blanks (ISO 80000-1, 7.3.1), apostrophes. An ordinary blank separates. */
const GROUPING = "\u00A0\u2009\u202F'\u2019"
/** A minus, perhaps before a currency sign, that is no hyphen of a word or a range. */
const NEGATIVE = /(?:^|[^\p{L}\p{N})\]])[-\u2212](?:\p{Sc}\s?)?$/u
/** The minus, a currency sign and a blank, and what stands before them. */
const CHARS_BEFORE = 4

/**
 * Compiles once for a style. The reader gives the numbers of a text in their order, as many as there are: digits within
 * words (`H2O`) and numbers too large for a double are left out.
 */
export function numberReader({ decimal, percent }: NumberStyle): (text: string) => number[] {
  const point = decimal === '.' ? '\\.' : ','
  const groups = `[${decimal === '.' ? ',' : '.'}${GROUPING}]`
  const whole = `(?:\\d{1,3}(?:${groups}\\d{3})+(?!\\d)|\\d+)`
  const digits = `((?:${whole}(?:${point}\\d+)?|${point}\\d+)(?:[eE][-+]?\\d{1,3}(?![\\p{L}\\d]))?)`
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}_])${digits}(\\s?%)?`, 'gu')
  const separators = new RegExp(groups, 'g')
  return (text) => {
    const numbers: number[] = []
    for (const { index, 1: written = '', 2: sign } of text.matchAll(pattern)) {
      const size = Number(written.replace(separators, '').replace(decimal, '.'))
      if (!Number.isFinite(size)) continue
      const value = sign !== undefined && percent === 'hundredths' ? size / 100 : size
      numbers.push(NEGATIVE.test(text.slice(Math.max(0, index - CHARS_BEFORE), index)) ? -value : value)
    }
    return numbers
  }
}
