/** Finds the question and the texts to quote from in chat messages. Pure; it never decides whether something answers. */

/** A text that may be quoted; `number` is what a citation `[n]` says. */
type Block = { number: number; text: string }
export type ReadingTask = { question: string; blocks: Block[] }
export type ChatText = { role: string; text: string }

const MARKER = /^[ \t]*\[(\d{1,3})\][ \t]*:?[ \t]*/gmu
const QUESTION_LABEL = /^[ \t]*(?:question|q|query|user question)[ \t]*:[ \t]*/gimu
const CONTEXT_LABEL = /^[ \t]*(?:context|contexts|sources|documents|passages?|text)[ \t]*:[ \t]*/imu
const ANSWER_LABEL = /^[ \t]*(?:answer|a)[ \t]*:\s*$/iu

/**
 * 1. The question is in the last message with role `user`: the text after a line start `Question:`, or else the last
 *    paragraph outside a block that ends in a question mark, or else the last paragraph outside a block. When that
 *    paragraph goes on before its last question (or last line, when it has several), only that last part is the question.
 * 2. Blocks are texts after a line start `[n]`, up to the next marker or the end of what is not the question.
 *    Assistant messages are never read.
 * 3. Without a marker anywhere, each system, developer, tool and earlier user message, and whatever of the last
 *    one is not the question, is a block, numbered from 1 in order. Earlier questions are not blocks.
 */
export function readMessages(messages: readonly ChatText[]): ReadingTask {
  const last = messages.findLastIndex((message) => message.role === 'user')
  const asked = splitQuestion(messages[last]?.text ?? '')
  const texts = messages.flatMap((message, at) => {
    if (message.role === 'assistant') return []
    return at === last ? asked.rest : [message.text]
  })
  const numbered = texts.flatMap((text) => numberedBlocks(text))
  if (numbered.length > 0) return { question: asked.question, blocks: numbered }
  const plain = texts.map((text) => text.replace(CONTEXT_LABEL, '').trim())
  const kept = plain.filter((text) => text !== '' && !isQuestion(text))
  return { question: asked.question, blocks: kept.map((text, at) => ({ number: at + 1, text })) }
}

/** `rest` holds texts that must not run into one another. */
type Split = { question: string; rest: string[] }

function splitQuestion(text: string): Split {
  const label = [...text.matchAll(QUESTION_LABEL)].at(-1)
  if (label !== undefined) {
    const [question = '', ...after] = text
      .slice(label.index + label[0].length)
      .split(/\n[^\S\n]*\n|\n(?=[ \t]*\w{1,12}:)/u)
    const rest = after.filter((part) => !ANSWER_LABEL.test(part)).join('\n\n')
    return { question: question.trim(), rest: [text.slice(0, label.index), rest] }
  }
  const paragraphs = text.split(/\n[^\S\n]*\n/u).filter((paragraph) => paragraph.trim() !== '')
  const outside = (paragraph: string) => paragraph.search(MARKER) < 0 && !CONTEXT_LABEL.test(paragraph)
  const asking = paragraphs.findLastIndex((paragraph) => outside(paragraph) && endsAsking(paragraph))
  const chosen = asking >= 0 ? asking : paragraphs.findLastIndex(outside)
  if (chosen < 0) return splitTail(text)
  const tail = splitTail(paragraphs[chosen] ?? '')
  return { question: tail.question, rest: [paragraphs.toSpliced(chosen, 1).join('\n\n'), ...tail.rest] }
}

/** The last line, or the last sentence when it asks; the whole text when neither stands apart and nothing marks a block. */
function splitTail(text: string): Split {
  const trimmed = text.trim()
  const lineAt = trimmed.lastIndexOf('\n') + 1
  const line = trimmed.slice(lineAt)
  const asking = /(?<=[.!?]["'”’)]?\s)[^.!?\n]+[?？]["'”’)]*$/u.exec(line)
  if (asking !== null) {
    const at = lineAt + asking.index
    return { question: trimmed.slice(at), rest: [trimmed.slice(0, at)] }
  }
  if (lineAt > 0 && line.search(MARKER) < 0 && (endsAsking(line) || trimmed.search(MARKER) >= 0)) {
    return { question: line.trim(), rest: [trimmed.slice(0, lineAt)] }
  }
  const marked = trimmed.search(MARKER) >= 0 || CONTEXT_LABEL.test(trimmed)
  return marked ? { question: '', rest: [text] } : { question: trimmed, rest: [] }
}

function numberedBlocks(text: string): Block[] {
  const markers = [...text.matchAll(MARKER)]
  return markers.flatMap((marker, at) => {
    const from = marker.index + marker[0].length
    const body = text.slice(from, markers[at + 1]?.index ?? text.length).trim()
    return body === '' ? [] : [{ number: Number(marker[1]), text: body }]
  })
}

function endsAsking(text: string): boolean {
  return /[?？]["'”’)]*\s*$/u.test(text)
}

/** An earlier question of the conversation, as opposed to a text that happens to end in one. */
function isQuestion(text: string): boolean {
  return text.length <= 400 && endsAsking(text)
}
