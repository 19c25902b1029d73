/** A folder of sets that people judged, one file a set: pairs of answers of which one is better, or answers that passages support or not. */

import type { JsonObject } from '../../lib/json.ts'
import { findSetFiles, type Problems, type SetPath } from '../../retrieval/quality/find-sets.ts'
import { readRows, readSetFile } from '../../retrieval/quality/set-file.ts'

/** `label`: what people decided. `votes`: what each of them said, where the set tells. */
export type JudgedPair = { question: string; a: string; b: string; label: Preference; votes: Preference[] }
export type Preference = 'a' | 'b' | 'tie'
export type JudgedAnswer = { contexts: string[]; answer: string; label: Support }
export type Support = 'supported' | 'unsupported'
export type JudgedSet =
  | { kind: 'pairs'; rows: readonly JudgedPair[] }
  | { kind: 'answers'; rows: readonly JudgedAnswer[] }

export const PREFERENCES: readonly Preference[] = ['tie', 'a', 'b']
export const SUPPORTS: readonly Support[] = ['unsupported', 'supported']

const MAX_ROWS = 100_000
const MAX_VOTES = 100
const SHAPE =
  'One row is {"question": text, "a": text, "b": text, "label": 1 for a, 2 for b or 0 for a tie}, or {"context": text or texts, "response": text, "label": 1 for supported or 0}.'

export function findJudgedSets(folder: string): { sets: SetPath[] } | Problems {
  return findSetFiles(folder, SHAPE)
}

/** The rows of a set in the order of the file, all of one kind: that of the first. */
export function readJudgedSet({ path }: SetPath): { set: JudgedSet } | Problems {
  const file = readSetFile(path)
  if ('why' in file) return { problems: [`${path}: ${file.why}`] }
  const read = readRows<JudgedPair | JudgedAnswer>(path, file.text, MAX_ROWS, (row) =>
    'object' in row ? readRow(row.object) : `not a JSON object. ${SHAPE}`,
  )
  if ('problems' in read) return read
  const pairs = read.values.filter((row) => 'a' in row)
  const answers = read.values.filter((row) => 'answer' in row)
  if (pairs.length > 0 && answers.length > 0) {
    return { problems: [`${path}: holds rows of both kinds. Make two files of it. ${SHAPE}`] }
  }
  return { set: pairs.length > 0 ? { kind: 'pairs', rows: pairs } : { kind: 'answers', rows: answers } }
}

function readRow(row: JsonObject): JudgedPair | JudgedAnswer | string {
  return 'response' in row ? readAnswer(row) : readPair(row)
}

function readPair({ question, label, votes = [], ...row }: JsonObject): JudgedPair | string {
  if (typeof question !== 'string') return `"question" is no text. ${SHAPE}`
  const [a, b] = [textOf(row.a), textOf(row.b)]
  if (a === null || b === null) return `"a" and "b" are not both texts. ${SHAPE}`
  const decided = preferenceOf(label)
  if (decided === null) return `"label" is none of 0, 1 and 2. ${SHAPE}`
  const said = Array.isArray(votes) ? votes.map(preferenceOf) : [null]
  const told = said.filter((vote) => vote !== null)
  if (told.length < said.length || said.length > MAX_VOTES) {
    return `"votes" is no list of at most ${MAX_VOTES} of 0, 1 and 2. ${SHAPE}`
  }
  return { question, a, b, label: decided, votes: told }
}

function readAnswer({ context, response, label }: JsonObject): JudgedAnswer | string {
  const contexts = Array.isArray(context) ? context : [context]
  const texts = contexts.filter((one) => typeof one === 'string')
  if (texts.length < contexts.length) return `"context" is no text. ${SHAPE}`
  if (typeof response !== 'string') return `"response" is no text. ${SHAPE}`
  if (label !== 0 && label !== 1) return `"label" is neither 0 nor 1. ${SHAPE}`
  return { contexts: texts, answer: response, label: SUPPORTS[label] ?? 'unsupported' }
}

/** Some writers of sets leave the quotes off: the answer `true` is a text of four letters. */
function textOf(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return JSON.stringify(value)
  return typeof value === 'string' ? value : null
}

function preferenceOf(label: unknown): Preference | null {
  return label === 0 || label === 1 || label === 2 ? (PREFERENCES[label] ?? null) : null
}
