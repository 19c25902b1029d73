/** What changed between two prompts, word by word. Data only: whoever shows it chooses colours. */

import { diffLines, diffWordsWithSpace } from 'diff'
import type { PromptContent } from './prompt-content.ts'
import { promptText } from './prompt-text.ts'

/** In the order of the text; `same` and `added` together are the new one. */
export type DiffPart = { kind: 'same' | 'added' | 'removed'; text: string }

/** The search for the shortest way from one text to the other grows with the square of this. */
const MAX_EDITS = 2000

export function diffPrompts(from: PromptContent, to: PromptContent): DiffPart[] {
  return diffTexts(promptText(from), promptText(to))
}

function diffTexts(from: string, to: string): DiffPart[] {
  const bound = { maxEditLength: MAX_EDITS }
  // Texts with that much between them share no words worth showing: lines will do, or the whole.
  const changes = diffWordsWithSpace(from, to, bound) ?? diffLines(from, to, bound)
  if (changes === undefined) {
    return [
      { kind: 'removed', text: from },
      { kind: 'added', text: to },
    ]
  }
  return changes.map(({ added, removed, value }) => ({
    kind: added ? 'added' : removed ? 'removed' : 'same',
    text: value,
  }))
}
