/**
 * Words as ROUGE, BLEU and the comparisons of openai/evals count them. All start from Unicode's composed form (NFC), so that
 * an accent written as its own character makes no difference. Scripts without spaces between words (Han, kana, Thai, Lao,
 * Khmer, Burmese) count by character, as is usual for ROUGE and BLEU on Chinese: no dictionary decides the score.
 */

const UNSPACED = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]`
const WORDS = new RegExp(`${UNSPACED}\\p{M}*|[[\\p{L}\\p{N}\\p{M}]--${UNSPACED}]+`, 'gv')
const UNSPACED_CHARACTER = new RegExp(`(${UNSPACED}\\p{M}*)`, 'gv')

/**
 * Lower-case runs of letters and digits. For English the tokens of rouge-score without stemming
 * (https://github.com/google-research/google-research/tree/master/rouge), which drops every letter outside a to z.
 */
export function rougeTokens(text: string): string[] {
  return text.normalize('NFC').toLowerCase().match(WORDS) ?? []
}

/**
 * The tokenisation of mteval-v13a, the default of sacrebleu (https://github.com/mjpost/sacrebleu, `13a`): symbols stand
 * alone, points and commas too unless they stand between digits, a hyphen after a digit.
 */
export function bleuTokens(text: string): string[] {
  const joined = text
    .normalize('NFC')
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
  return ` ${joined} `
    .replace(UNSPACED_CHARACTER, ' $1 ')
    .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ')
    .split(/\s+/)
    .filter((token) => token !== '')
}

const ASCII_PUNCTUATION = /[!-/:-@[-`{-~]/g

/**
 * Lower case without ASCII punctuation, English articles and repeated white space: what openai/evals compares
 * (https://github.com/openai/evals, `evals/elsuite/utils.py`, after the evaluation of SQuAD by Rajpurkar et al. 2016).
 */
export function withoutArticles(text: string): string {
  return text
    .normalize('NFC')
    .toLowerCase()
    .replace(ASCII_PUNCTUATION, '')
    .replace(/(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu, ' ')
    .split(/\s+/u)
    .filter((word) => word !== '')
    .join(' ')
}

/** How often each run of `size` tokens comes. Tokens hold no blank, so a joined run is unambiguous. */
export function countNgrams(tokens: readonly string[], size: number): Map<string, number> {
  const counts = new Map<string, number>()
  for (let start = 0; start + size <= tokens.length; start += 1) {
    const ngram = tokens.slice(start, start + size).join(' ')
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1)
  }
  return counts
}

/** N-grams in common, each counted as often as both have it. */
export function overlap(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): number {
  let common = 0
  for (const [ngram, count] of one) common += Math.min(count, other.get(ngram) ?? 0)
  return common
}
