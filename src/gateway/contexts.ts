/** What a release's index is asked, and what its chunks become in a prompt, a header and an answer. Pure. */

import type { RetrievalRecord } from '../audit/record.ts'
import { RequestError } from '../errors.ts'
import { askedQuestion, promptVariables } from '../lib/asked-question.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import type { Operation } from '../providers/provider.ts'
import { CONTEXTS, type PromptContext } from '../registry/prompts/prompt-content.ts'
import type { ServedReleaseIndex } from '../registry/releases/book.ts'
import type { Retrieval } from '../retrieval/retrieve.ts'
import type { ParsedBody } from './request.ts'

/** Clients bound the head they accept, and all of it stands in the log. */
const MAX_HEADER_BYTES = 4_096
const MAX_KEY_CHARACTERS = 256
const MAX_ANNOTATED_BYTES = 1024 * 1024
const MAX_ANNOTATIONS = 1_000
/** `[2]`, `[1, 3]` */
const CITATION = /\[(\d{1,3}(?:\s{0,4},\s{0,4}\d{1,3}){0,20})\]/gu
/** A line that would pass for the number of another passage. */
const FALSE_NUMBER = /^([ \t]*)\[(\d{1,6})\]/gmu

/**
 * The text that the index is asked. Throws RequestError invalid_variables for a request without one, and for contexts of
 * the caller's own: the release says where they come from.
 */
export function questionOf(body: ParsedBody, operation: Operation, index: ServedReleaseIndex): string {
  const variables = promptVariables(body.parsed)
  if (variables[CONTEXTS] !== undefined) {
    const message = `/${CONTEXTS} come from the index ${index.ref} of this release. Leave them out.`
    throw new RequestError('invalid_variables', message, { param: `/${CONTEXTS}` })
  }
  const { question: name } = index
  const text = askedQuestion(body.parsed, operation, name)
  if (text !== null) return text
  const where = name === null ? 'the last message of a user' : `/${name}`
  const message = `Index ${index.ref} is asked ${where}, and there is no text in it. Send a question.`
  throw new RequestError('invalid_variables', message, { param: name === null ? 'messages' : `/${name}` })
}

/** Passages as prompts show them, numbered from 1. A passage cannot begin a line with a number of its own. */
export function promptContexts(chunks: readonly { text: string }[]): PromptContext[] {
  return chunks.map(({ text }, at) => ({ number: at + 1, text: text.replace(FALSE_NUMBER, '$1($2)') }))
}

/** As the log keeps it: the texts stand in the index. */
export function retrievalRecord({ chunks, without, durationMs }: Retrieval): RetrievalRecord {
  return {
    contexts: chunks.map(({ chunk, key, documentHash, score, cosine }) => ({
      chunk,
      document: key.slice(0, MAX_KEY_CHARACTERS),
      hash: documentHash,
      score,
      cosine,
    })),
    without,
    durationMs,
  }
}

/** `x-aval-contexts`: which passage `[n]` is. ASCII; what does not fit is left out from the end. */
export function contextsHeader(ref: string, { contexts }: RetrievalRecord): string {
  const parts: string[] = []
  let bytes = 2
  for (const [at, { chunk, document }] of contexts.entries()) {
    const part = asciiJson({ n: at + 1, chunk: `${ref}#${chunk}`, document })
    bytes += part.length + 1
    if (bytes > MAX_HEADER_BYTES) break
    parts.push(part)
  }
  return `[${parts.join(',')}]`
}

function asciiJson(value: JsonObject): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/**
 * The answer with its citations named, in the shape of OpenAI's file citations: `{type: "file_citation", file_id,
 * filename, index}`, where `index` is the place of `[n]` in the text. The same bytes when nothing is cited.
 */
export function withCitations(answer: Buffer, ref: string, { contexts }: RetrievalRecord): Buffer {
  if (answer.length > MAX_ANNOTATED_BYTES || contexts.length === 0) return answer
  let parsed: JsonValue
  try {
    parsed = JSON.parse(answer.toString('utf8')) as JsonValue
  } catch {
    return answer
  }
  if (!isJsonObject(parsed)) return answer
  let cited = 0
  const annotate = (holder: JsonObject, text: JsonValue | undefined) => {
    if (typeof text !== 'string' || cited >= MAX_ANNOTATIONS) return
    const found = citationsIn(text, ref, contexts).slice(0, MAX_ANNOTATIONS - cited)
    if (found.length === 0) return
    cited += found.length
    holder.annotations = [...(Array.isArray(holder.annotations) ? holder.annotations : []), ...found]
  }
  for (const choice of listOf(parsed.choices)) {
    if (isJsonObject(choice.message)) annotate(choice.message, choice.message.content)
  }
  for (const item of listOf(parsed.output)) for (const part of listOf(item.content)) annotate(part, part.text)
  return cited === 0 ? answer : Buffer.from(JSON.stringify(parsed))
}

function listOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function citationsIn(text: string, ref: string, contexts: RetrievalRecord['contexts']): JsonObject[] {
  return [...text.matchAll(CITATION)].flatMap(({ 1: numbers = '', index }) =>
    numbers.split(',').flatMap((number): JsonObject[] => {
      const context = contexts[Number(number) - 1]
      if (context === undefined) return []
      return [
        { type: 'file_citation', index, file_id: `${ref}#${context.chunk}`, filename: context.document },
      ]
    }),
  )
}
