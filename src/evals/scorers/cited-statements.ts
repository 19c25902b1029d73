/** The sentences of an answer, each with the passages that it cites as [1], [1, 2] or [1–3]. Pure. */

import { splitSentences } from '../../lib/sentences.ts'

/** Longer ranges are no citation that anyone would follow. */
const MAX_RANGE = 20
const MARK = String.raw`\[\d{1,4}(?:\s*[,;\u2013-]\s*\d{1,4}){0,50}\]`
const LEADING_MARKS = new RegExp(`^(?:\\s*${MARK})+[\\s.]*`)

/** `text` is the sentence without its marks; `cited` are numbers as written, whether such a passage exists or not. */
export type CitedStatement = { text: string; cited: readonly number[] }

/** At most `maxSentences` of them. Marks at the beginning of a sentence belong to the one before; nothing but marks is none. */
export function citedStatements(output: string, maxSentences: number): CitedStatement[] {
  const statements: CitedStatement[] = []
  for (const { text } of splitSentences(output, maxSentences)) {
    const leading = LEADING_MARKS.exec(text)?.[0] ?? ''
    const before = leading === '' ? undefined : statements.at(-1)
    if (before !== undefined) before.cited = [...before.cited, ...citations(leading)]
    const rest = before === undefined ? text : text.slice(leading.length)
    if (/[\p{L}\p{N}]/u.test(rest)) statements.push({ text: withoutMarks(rest), cited: citations(rest) })
  }
  return statements
}

function withoutMarks(text: string): string {
  return text.replace(new RegExp(`\\s*${MARK}`, 'g'), '').trim()
}

/** Numbers cited, a range as its first twenty. */
export function citations(text: string): number[] {
  return [...text.matchAll(new RegExp(MARK, 'g'))].flatMap(([mark]) =>
    mark
      .slice(1, -1)
      .split(/[,;]/)
      .flatMap((part) => {
        const [from = 0, to = from] = part.split(/[\u2013-]/).map(Number)
        const length = Math.max(1, Math.min(MAX_RANGE, to - from + 1))
        return Array.from({ length }, (_, at) => from + at)
      }),
  )
}
