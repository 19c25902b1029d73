/** Splits text into sentences as spans of the original, so that a quote is always the writer's own characters. */

export type Sentence = {
  /** Offsets into the text given, end exclusive. */
  start: number
  end: number
  /** The characters between them, with every run of white space shown as one blank. */
  text: string
}

const ABBREVIATION =
  /(?:^|[\s(["'“‘])(?:mr|mrs|ms|dr|prof|st|sr|jr|rev|gen|col|capt|lt|sgt|hon|gov|sen|rep|no|nos|vol|vols|fig|figs|eq|pp|pg|ch|sec|ed|eds|al|vs|cf|ca|approx|inc|ltd|co|corp|dept|est|etc|e\.\s?g|i\.\s?e|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|[a-z]|(?:[a-z]\.){1,4}[a-z])\.$/iu
const LIST_OR_HEADING = /^[ \t]*(?:[-*•–]|\d{1,3}[.)]|#{1,6}|\||>)/u
const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })

/**
 * Sentences of `text` in order, at most `maxSentences`. Boundaries are Unicode's (UAX #29, through
 * `Intl.Segmenter`), joined again after common abbreviations and initials. A line break ends a sentence when a
 * blank line, a list marker or a heading follows; a line that was only wrapped goes on.
 */
export function splitSentences(text: string, maxSentences: number): Sentence[] {
  const sentences: Sentence[] = []
  let start = 0
  let end = 0
  for (const { segment, index } of segmenter.segment(unwrapLines(text))) {
    end = index + segment.length
    if (joinsNext(text.slice(start, end), text, end)) continue
    addSpan(sentences, text, start, end)
    start = end
    if (sentences.length === maxSentences) return sentences
  }
  addSpan(sentences, text, start, end)
  return sentences
}

function addSpan(sentences: Sentence[], text: string, from: number, to: number): void {
  const raw = text.slice(from, to)
  const trimmed = raw.trim()
  if (trimmed === '') return
  const start = from + raw.indexOf(trimmed)
  sentences.push({ start, end: start + trimmed.length, text: trimmed.replace(/\s+/gu, ' ') })
}

/** Same length as the input: only the breaks of wrapped lines become blanks. */
function unwrapLines(text: string): string {
  return text.replace(/\r?\n(?![^\S\n]*\n)/gu, (breaks, at: number) => {
    // Looked for backwards from the break: blanks that no break follows are then not gone through again and again.
    let last = at - 1
    while (last >= 0 && /[^\S\n]/u.test(text.charAt(last))) last -= 1
    const before = text.charAt(last)
    const after = text.slice(at + breaks.length, at + breaks.length + 12)
    const wrapped = /[\p{L}\p{N},;’'"”)-]/u.test(before) && /^[ \t]*[\p{Ll}\p{N}(“"']/u.test(after)
    return wrapped && !LIST_OR_HEADING.test(after) ? ' '.repeat(breaks.length) : breaks
  })
}

function joinsNext(sentence: string, text: string, end: number): boolean {
  const trimmed = sentence.trimEnd()
  if (/[\n\u2029]/u.test(sentence.slice(trimmed.length))) return false
  const tail = trimmed.slice(-24)
  if (/^\s*\p{Ll}/u.test(text.slice(end, end + 4)) && !/[!?]["'”’)]*$/u.test(tail)) return true
  return ABBREVIATION.test(tail)
}
