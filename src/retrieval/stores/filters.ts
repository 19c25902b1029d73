/**
 * Filters of a search as OpenAI's clients write them, compiled to a condition on the attributes of files. Every key and
 * every value is a parameter; depth and size have bounds before anything is compiled.
 */

import { RequestError } from '../../errors.ts'
import { isJsonObject } from '../../lib/json.ts'

/** Reads a column `attributes`; the parameters are its values in order. */
export type Condition = { sql: string; values: readonly string[] }

const MAX_DEPTH = 8
const MAX_PARTS = 100
const MAX_LIST = 200
const MAX_KEY_LETTERS = 64
const MAX_VALUE_LETTERS = 512
const ORDERS: Readonly<Record<string, string>> = { gt: '>', gte: '>=', lt: '<', lte: '<=' }
const TYPES = 'eq, ne, gt, gte, lt, lte, in, nin, and, or'

/**
 * `value` is a comparison `{type, key, value}` or `{type: 'and' | 'or', filters}`. A file without the key is equal to
 * nothing, different from everything, and in no order. Numbers are compared as numbers, texts by code points; a number and
 * a text are never equal. Parameters number from `first` on. Throws RequestError with the place of what is wrong.
 *
 * @example compileFilter({ type: 'gte', key: 'year', value: 2024 }, 2)
 */
export function compileFilter(value: unknown, first: number): Condition {
  const compiler = new Compiler(first)
  const sql = compiler.any(value, 'filters', 1)
  return { sql, values: compiler.values }
}

class Compiler {
  readonly values: string[] = []
  readonly #first: number
  #parts = 0

  constructor(first: number) {
    this.#first = first
  }

  any(value: unknown, path: string, depth: number): string {
    this.#parts += 1
    if (this.#parts > MAX_PARTS) throw wrong('filters', `A filter has at most ${MAX_PARTS} parts.`)
    if (depth > MAX_DEPTH) throw wrong(path, `Filters stand in one another at most ${MAX_DEPTH} deep.`)
    if (!isJsonObject(value)) throw wrong(path, 'Write an object with type, key and value.', 'invalid_type')
    const { type } = value
    if (type === 'and' || type === 'or') return this.#several(type, value.filters, path, depth)
    if (typeof type !== 'string') throw wrong(`${path}.type`, `Write one of ${TYPES}.`, 'invalid_type')
    const key = this.#key(value.key, `${path}.key`)
    const place = `${path}.value`
    switch (type) {
      case 'eq':
        return this.#equal(key, value.value, place)
      case 'ne':
        return `NOT ${this.#equal(key, value.value, place)}`
      case 'in':
        return this.#member(key, value.value, place)
      case 'nin':
        return `NOT ${this.#member(key, value.value, place)}`
      default: {
        const order = Object.hasOwn(ORDERS, type) ? ORDERS[type] : undefined
        if (order === undefined) throw wrong(`${path}.type`, `Write one of ${TYPES}.`)
        return this.#ordered(key, order, value.value, place)
      }
    }
  }

  #several(type: 'and' | 'or', filters: unknown, path: string, depth: number): string {
    if (!Array.isArray(filters) || filters.length === 0) {
      throw wrong(`${path}.filters`, 'Write a list of filters with at least one.', 'invalid_type')
    }
    if (filters.length > MAX_PARTS) throw wrong('filters', `A filter has at most ${MAX_PARTS} parts.`)
    const parts = filters.map((one, at) => this.any(one, `${path}.filters.${at}`, depth + 1))
    return `(${parts.join(type === 'and' ? ' AND ' : ' OR ')})`
  }

  /** The value of the key, as SQL. */
  #key(key: unknown, place: string): string {
    if (typeof key !== 'string' || key === '') {
      throw wrong(place, 'Write the name of an attribute.', 'invalid_type')
    }
    if (key.length > MAX_KEY_LETTERS) {
      throw wrong(place, `Names of attributes have at most ${MAX_KEY_LETTERS} characters.`)
    }
    demandStorable(key, place)
    return `(attributes -> ${this.#parameter(key)}::text)`
  }

  #equal(key: string, value: unknown, place: string): string {
    if (typeof value !== 'boolean') demandScalar(value, place, 'Write a text, a number, true or false.')
    return `coalesce(${key} = ${this.#parameter(JSON.stringify(value))}::jsonb, false)`
  }

  #member(key: string, value: unknown, place: string): string {
    if (!Array.isArray(value)) throw wrong(place, 'Write a list of texts and numbers.', 'invalid_type')
    if (value.length > MAX_LIST) throw wrong(place, `A list has at most ${MAX_LIST} values.`)
    for (const [at, one] of value.entries()) {
      if (typeof one !== 'boolean') demandScalar(one, `${place}.${at}`, 'Write a text or a number.')
    }
    const list = `${this.#parameter(JSON.stringify(value))}::jsonb`
    return `coalesce(${key} IN (SELECT jsonb_array_elements(${list})), false)`
  }

  #ordered(key: string, order: string, value: unknown, place: string): string {
    demandScalar(value, place, 'Write a number, or a text for the order of letters.')
    const wanted = this.#parameter(String(value))
    return typeof value === 'number'
      ? `CASE WHEN jsonb_typeof(${key}) = 'number' THEN ${key}::numeric ${order} ${wanted}::numeric ELSE false END`
      : `CASE WHEN jsonb_typeof(${key}) = 'string' THEN (${key} #>> '{}') COLLATE "C" ${order} ${wanted} COLLATE "C"
         ELSE false END`
  }

  #parameter(value: string): string {
    this.values.push(value)
    return `$${this.#first + this.values.length - 1}`
  }
}

function demandScalar(value: unknown, place: string, remedy: string): asserts value is string | number {
  if (typeof value === 'number' && Number.isFinite(value)) return
  if (typeof value !== 'string') throw wrong(place, remedy, 'invalid_type')
  if (value.length > MAX_VALUE_LETTERS) {
    throw wrong(place, `Values have at most ${MAX_VALUE_LETTERS} characters.`)
  }
  demandStorable(value, place)
}

/** The database takes neither; both come from broken programs. */
function demandStorable(text: string, place: string): void {
  if (!text.includes('\0') && text.isWellFormed()) return
  throw wrong(place, 'Take out NUL characters and halves of surrogate pairs.')
}

function wrong(
  param: string,
  remedy: string,
  code: 'invalid_value' | 'invalid_type' = 'invalid_value',
): RequestError {
  return new RequestError(code, `${param}: ${remedy}`, { param })
}
