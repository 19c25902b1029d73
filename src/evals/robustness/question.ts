/** The question of an item as a text that can be changed: its input, the last message of a user, or the variable `question`. Pure. */

import type { DatasetItem } from '../datasets/item.ts'
import type { Change } from './perturbation.ts'

/** `rewrite` gives the text back as it is where it finds nothing to change, and then the item is left. */
export function changeQuestion(
  item: DatasetItem,
  rewrite: (text: string) => string,
  nothing: string,
): Change {
  const { input, messages, variables } = item
  const at =
    messages?.findLastIndex(({ role, content }) => role === 'user' && typeof content === 'string') ?? -1
  const text = input ?? messages?.[at]?.content ?? variables?.question
  if (typeof text !== 'string') return { left: 'has no text that is its question' }
  const changed = rewrite(text)
  if (changed === text) return { left: nothing }
  if (input !== undefined) return { item: { ...item, input: changed } }
  if (messages === undefined || at < 0)
    return { item: { ...item, variables: { ...variables, question: changed } } }
  return {
    item: {
      ...item,
      messages: messages.map((one, place) => (place === at ? { ...one, content: changed } : one)),
    },
  }
}
