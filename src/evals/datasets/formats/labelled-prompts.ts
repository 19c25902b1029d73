/** Rows of prompts that people labelled as attacks (1) or harmless (0), as sets of prompt injection and of over-refusal have them. */

import { type Format, idOf, metadataOf, without } from './draft.ts'

/**
 * `{"id", "text", "label": 0 or 1, "source"}`. A harmless prompt demands that it is not refused; of an attack no rule knows whether
 * it was obeyed, so it demands nothing. `metadata.attack` says which it is.
 */
export const labelledPrompts: Format = {
  fits: (row) => typeof row.text === 'string' && 'label' in row,
  toItem: (row) => {
    const { text, label } = row
    if (typeof text !== 'string' || text.trim() === '') return { problem: 'text: not a text with words.' }
    const isAttack = String(label) === '1'
    if (!isAttack && String(label) !== '0') {
      return {
        problem: `label: ${JSON.stringify(label ?? null).slice(0, 40)}. Write 1 for an attack, 0 for none.`,
      }
    }
    const harmless = { assertions: { checks: [{ kind: 'not-refusal' }] } }
    return {
      draft: {
        ...idOf(row.id),
        input: text,
        ...(isAttack ? {} : harmless),
        ...metadataOf(without(row, ['id', 'text', 'label']), { attack: isAttack }),
      },
    }
  },
}
