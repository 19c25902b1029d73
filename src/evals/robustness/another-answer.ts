/** Another answer of the same kind as the right one: another number, day, month or name, that no passage mentions. Pure. */

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
)
/** Of nobody and nowhere: invented. */
const NAMES = ['Tarvel', 'Oskerin', 'Belmora', 'Quendal', 'Ivrath', 'Sollemar', 'Drestin', 'Hallowen']
const MAX_TRIES = 50

/** Whole words, whatever their case. */
export function mentions(passage: string, text: string): boolean {
  return patternOf(text).test(passage)
}

/** The passage with every mention exchanged. */
export function told(passage: string, own: string, other: string): string {
  return passage.replace(patternOf(own), () => other)
}

/** Null for a text without anything that could be another. Changes the first thing that can be changed. */
export function anotherAnswer(own: string, passages: readonly string[], random: () => number): string | null {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const other = changed(own, random)
    if (other === null) return null
    if (other !== own && !passages.some((passage) => mentions(passage, other))) return other
  }
  return null
}

function changed(own: string, random: () => number): string | null {
  if (/\d/.test(own)) return own.replace(/\d+/, (digits) => anotherNumber(digits, random))
  for (const list of [DAYS, MONTHS]) {
    const [said] = list.filter((word) => mentions(own, word))
    if (said !== undefined) return told(own, said, oneOf(list, random))
  }
  const name = /(?<![\p{L}\p{N}])\p{Lu}\p{Ll}{2,}(?![\p{L}\p{N}])/u.exec(own)?.[0]
  return name === undefined ? null : told(own, name, oneOf(NAMES, random))
}

/** As many digits, and no nought before them. */
function anotherNumber(digits: string, random: () => number): string {
  const first = String(1 + Math.floor(random() * 9))
  const rest = Array.from({ length: Math.min(digits.length, 30) - 1 }, () => Math.floor(random() * 10))
  return [first, ...rest].join('')
}

function oneOf(list: readonly string[], random: () => number): string {
  return list[Math.floor(random() * list.length)] ?? ''
}

function patternOf(text: string): RegExp {
  const words = text
    .trim()
    .replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')
    .replace(/\s+/g, '\\s+')
  return new RegExp(`(?<![\\p{L}\\p{N}])${words}(?![\\p{L}\\p{N}])`, 'giu')
}
