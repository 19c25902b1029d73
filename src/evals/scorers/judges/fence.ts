/** Puts texts of others into a question so that none of them can end its own block: marks with a number that no text holds. */

/** A text to be judged, and what it is, in words of Aval's own. */
export type Block = { what: string; text: string }

/**
 * The blocks between marks `<data-N …>` and `</data-N>`, with the smallest N that occurs in no text as `data-N`, in whatever
 * letters, dashes, digits or invisible characters (compared after NFKC). Without chance: equal texts give equal questions.
 */
export function fenced(blocks: readonly Block[]): string {
  const number = freeNumber(blocks)
  const shown = blocks.map(({ what, text }) => `<data-${number} ${what}>\n${text}\n</data-${number}>`)
  return [
    `N = ${number}: each text stands between <data-${number} ...> and </data-${number}>.`,
    ...shown,
  ].join('\n\n')
}

function freeNumber(blocks: readonly Block[]): number {
  const taken = new Set<number>()
  for (const { text } of blocks) {
    const plain = text.normalize('NFKC').replace(/\p{Cf}/gu, '')
    for (const [, digits = ''] of plain.matchAll(/data[\s\p{P}\p{S}]{0,8}(\d{1,9})/giu))
      taken.add(Number(digits))
  }
  let number = 1
  while (taken.has(number)) number += 1
  return number
}
