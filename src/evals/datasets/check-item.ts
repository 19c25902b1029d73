/** Looks at a value before it becomes an item of a dataset: everything wrong with it as sentences, nothing left out silently. */

import { RequestError } from '../../errors.ts'
import { describeIssues } from '../../lib/schema-problems.ts'
import { type Content, contentOf } from '../../registry/content.ts'
import { type Assertions, checksOf, reportedAssertions } from '../assertions.ts'
import { prepareJudge } from '../scorers/judges/judged-assertions.ts'
import { prepareScorer } from '../scorers/registry.ts'
import { type DatasetItem, itemShape, MAX_ITEM_BYTES } from './item.ts'

/** `content` is the canonical JSON of the whole item and its hash, which is what the item is known by. */
export type CheckedItem = { item: DatasetItem; content: Content }
export type Problems = { problems: readonly string[] }

/** What recurses over an item stays far from the end of the stack; no conversation is this deep. */
export const MAX_DEPTH = 64
const MAX_SHOWN_CHARS = 60

/** `where` begins every sentence: a file with its line. Never throws, whatever the value is. */
export function checkItem(value: unknown, where: string): CheckedItem | Problems {
  const unkept = findUnkept(value)
  if (unkept !== null) return { problems: [`${where}: ${unkept}`] }
  const parsed = itemShape.safeParse(value)
  if (!parsed.success) return { problems: describeIssues(where, itemShape, value, parsed.error) }
  const wrong = findContradiction(parsed.data)
  if (wrong !== null) return { problems: [`${where}: ${wrong}`] }
  const content = contentOf(parsed.data)
  const bytes = Buffer.byteLength(content.text)
  if (bytes <= MAX_ITEM_BYTES) return { item: parsed.data, content }
  const remedy = 'Put documents into a source, and the passages that matter into contexts'
  return { problems: [`${where}: ${bytes} bytes, and an item has at most ${MAX_ITEM_BYTES}. ${remedy}.`] }
}

function findContradiction({ input, messages, variables, output, assertions }: DatasetItem): string | null {
  const wrong = assertions === undefined ? null : findWrongAssertion(assertions)
  if (wrong !== null) return wrong
  if (input !== undefined && messages !== undefined) {
    return 'has input and messages, and input is short for one message of a user. Keep one of them.'
  }
  if ([input, messages, variables, output].some((member) => member !== undefined)) return null
  return 'asks nothing. Write input, messages or variables, or an output that is only judged.'
}

function findWrongAssertion(assertions: Assertions): string | null {
  for (const { kind, settings } of checksOf(assertions)) {
    // Judging it would judge it again.
    if (/^(?:not-)?assertions$/.test(kind)) return `assertions: "${kind}" is no kind for an item.`
    try {
      // What it said would decide a test without ever having been held against people.
      if (prepareScorer({ kind, settings: settings ?? {} }).judge) {
        return `assertions: a model judges "${kind}". Name it as a scorer of the suite.`
      }
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      return `assertions: ${error.message}`
    }
  }
  for (const { judge } of reportedAssertions(assertions)) {
    try {
      prepareJudge(judge)
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      return `assertions: ${error.message}`
    }
  }
  return null
}

/**
 * The first thing in a value that would not be the same after it was kept: what JSON has no form for, what its readers
 * round, and what the database takes no text with. Without recursion, as nothing has bounded the depth before.
 */
export function findUnkept(value: unknown): string | null {
  const open: { value: unknown; path: string; depth: number }[] = [{ value, path: '', depth: 1 }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, depth } = next
    const wrong = unkeptLeaf(next.value)
    if (wrong !== null) return `${path === '' ? '' : `${path}: `}${wrong}`
    if (typeof next.value !== 'object' || next.value === null) continue
    if (depth > MAX_DEPTH) return `${path}: nested deeper than ${MAX_DEPTH} levels. Write it flatter.`
    for (const [name, child] of Object.entries(next.value)) {
      // Copies of an object leave this name out.
      if (name === '__proto__') return 'has a member "__proto__". Give it another name.'
      if (!isStorable(name)) return `${path}: a name in it holds a NUL character or half a surrogate pair.`
      const step = path === '' ? name : `${path}.${name}`
      open.push({ value: child, path: step.slice(0, MAX_SHOWN_CHARS), depth: depth + 1 })
    }
  }
  return null
}

function unkeptLeaf(value: unknown): string | null {
  if (typeof value === 'string') {
    return isStorable(value) ? null : 'holds a NUL character or half a surrogate pair. Take it out.'
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return `${value} is no number of JSON. Leave the member out, or write null.`
    if (!Number.isInteger(value) || Number.isSafeInteger(value)) return null
    return 'a whole number beyond 2^53, which is rounded when it is read. Write it as a text.'
  }
  if (value === null || typeof value === 'boolean') return null
  if (typeof value === 'object' && (Array.isArray(value) || isPlain(value))) return null
  return `${typeof value === 'object' ? 'a value' : typeof value} that JSON has no form for. Write a text, a number, true, false, null, a list or an object.`
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}
