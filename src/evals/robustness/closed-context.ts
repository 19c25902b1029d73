/**
 * An item that shows its passages to the model: in a list of its variables as it is, or else put before its question, numbered
 * as the reader and the shipped prompts take them. Pure.
 */

import type { JsonObject, JsonValue } from '../../lib/json.ts'
import type { DatasetItem } from '../datasets/item.ts'
import { changePassages } from './passages.ts'
import type { Change } from './perturbation.ts'

const TASK =
  'Answer only from the numbered sources. Cite them as [n]. If they do not hold the answer, say so. If they contradict each other, say what each of them says.'

/** Its expected texts, so that an answer with one of them is right; `left` without any. */
export function expectedTextsOf({ expected }: DatasetItem): string[] | { left: string } {
  const texts = typeof expected === 'string' ? [expected] : Array.isArray(expected) ? expected : []
  const isText = (one: JsonValue): one is string => typeof one === 'string' && /[\p{L}\p{N}]/u.test(one)
  if (texts.length === 0 || !texts.every(isText)) return { left: 'expects no text' }
  if (texts.some((text) => /^(?:yes|no|true|false)\W*$/iu.test(text))) {
    return { left: 'expects yes or no, which no passage says' }
  }
  return texts
}

/** The same item, asked with these passages. What is judged by (`contexts`) and what is shown are one list. */
export function showing(item: DatasetItem, change: (passages: readonly string[]) => string[]): Change {
  const { input, messages, variables, contexts } = item
  const lists = Object.values(variables ?? {}).filter((value) => Array.isArray(value))
  if (lists.length > 1) return { left: 'has several lists in its variables, and one of them is its passages' }
  const listed = changePassages(item, 1, change)
  if (!('left' in listed)) {
    const [shown] = Object.values(listed.item.variables ?? {}).filter((value) => Array.isArray(value))
    return { item: { ...listed.item, contexts: shown as string[] } }
  }
  if (contexts === undefined || contexts.length === 0) return { left: 'has no passages' }
  const asked = questionIn({ input, messages, variables })
  if (asked === null) return { left: 'is no single question' }
  const passages = change(contexts)
  const { input: _input, variables: _variables, ...others } = item
  return {
    item: {
      ...others,
      messages: [
        { role: 'system', content: numbered(passages) },
        { role: 'user', content: asked },
      ],
      contexts: passages,
    },
  }
}

/** One question, as input, as the one variable `question`, or beneath passages that were put before it. */
function questionIn({
  input,
  messages,
  variables,
}: Pick<DatasetItem, 'input' | 'messages' | 'variables'>): string | null {
  if (input !== undefined) return input
  const last = messages?.at(-1)
  const isShown = messages?.length === 2 && String(messages[0]?.content).startsWith(TASK)
  if (isShown || messages?.length === 1) return textOf(last?.content)
  const isAlone = messages === undefined && Object.keys(variables ?? {}).length === 1
  return isAlone ? textOf((variables as JsonObject).question) : null
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function numbered(passages: readonly string[]): string {
  return [TASK, ...passages.map((passage, at) => `[${at + 1}] ${passage}`)].join('\n\n')
}
