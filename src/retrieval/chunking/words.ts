/** Spans of a text that are packed into chunks: words, and sentences. Generators, so that a long text is never a long list. */

import { splitSentences } from '../../lib/sentences.ts'
import { isBlank, isRunChar, Pieces, QUARTERS, weigh } from './tokens.ts'

/** `text.slice(start, end)`, neither blank nor beginning or ending with blanks. */
export type Span = { start: number; end: number; weight: number }

/** Longer words are cut between their pieces: addresses, tables of numbers, scripts without blanks. */
const MAX_WORD_WEIGHT = 8 * QUARTERS
/** Sentences are looked for in stretches of this size. */
const STRETCH_CHARS = 32 * 1024
const LOOK_BACK_CHARS = 4 * 1024

export function* wordsOf(text: string, start: number, end: number): Generator<Span> {
  const pieces = new Pieces(text, start, end)
  let word: Span | null = null
  while (pieces.next()) {
    if (word !== null && pieces.start === word.end && word.weight + pieces.weight <= MAX_WORD_WEIGHT) {
      word.end = pieces.end
      word.weight += pieces.weight
      continue
    }
    if (word !== null) yield word
    word = { start: pieces.start, end: pieces.end, weight: pieces.weight }
  }
  if (word !== null) yield word
}

/** Sentences between two offsets; what is longer than `maxWeight` comes as its words. */
export function* sentencesOf(text: string, start: number, end: number, maxWeight: number): Generator<Span> {
  let from = start
  while (from < end) {
    const to = stretchEnd(text, from, end)
    for (const sentence of sentencesIn(text.slice(from, to))) {
      const span = { start: from + sentence.start, end: from + sentence.end }
      const weight = weigh(text, span.start, span.end)
      if (weight <= maxWeight) yield { ...span, weight }
      else yield* wordsOf(text, span.start, span.end)
    }
    from = to
  }
}

function sentencesIn(stretch: string): readonly { start: number; end: number }[] {
  // Where nothing can end a sentence, and where nothing but a blank could, looking for ends is time lost.
  const whole = stretch.length > STRETCH_CHARS || /^[\p{L}\p{N} #,-]{1,200}$/u.test(stretch)
  if (!whole) return splitSentences(stretch, stretch.length)
  const { length } = stretch.trimEnd()
  return length === 0 ? [] : [{ start: stretch.length - stretch.trimStart().length, end: length }]
}

/** Ends at a blank, else where no run of letters is cut, else at the next blank: then it is longer than a stretch. */
function stretchEnd(text: string, from: number, end: number): number {
  const aim = from + STRETCH_CHARS
  if (end <= aim) return end
  for (let at = aim; at > aim - LOOK_BACK_CHARS; at -= 1) if (isBlank(text.charCodeAt(at))) return at
  for (let at = aim; at > aim - LOOK_BACK_CHARS; at -= 1) if (isCut(text, at)) return at
  let at = aim
  while (at < end && !isBlank(text.charCodeAt(at))) at += 1
  return at
}

/** True after an end of a sentence in a script that writes no blanks. */
function isCut(text: string, at: number): boolean {
  return !isRunChar(text.charCodeAt(at)) && /[。！？।؟]/u.test(text.charAt(at - 1))
}
