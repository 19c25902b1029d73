/** Queries, judgements and documents of a query set: from lines to values, every mistake as a sentence. Pure. */

import type { JsonObject } from '../../lib/json.ts'
import type { Judgements } from './metrics.ts'
import { readRows } from './set-file.ts'

export type Query = {
  id: string
  text: string
  /** What it shares with others, such as the document that it was written about; null when nobody says. */
  group: string | null
}

export type SetDocument = { id: string; title: string | null; text: string }

export type QuerySet = {
  name: string
  /** Those with at least one judgement, in the order of the file. */
  queries: Query[]
  judgements: Judgements
  /** Query id → group, see `groupsOf`. */
  groups: ReadonlyMap<string, string>
  /** Queries that nobody judged, and judged queries that are not in the file; neither is measured. */
  queriesWithoutJudgement: number
  judgementsWithoutQuery: number
}

type Problems = { problems: readonly string[] }

/** Intervals take resamples × queries steps: some seconds at this many. */
const MAX_QUERIES = 50_000
const MAX_JUDGEMENTS = 2_000_000
const MAX_DOCUMENTS = 1_000_000
const MAX_ID_LETTERS = 512

/** How public sets call each member; the first is ours. */
const NAMES = {
  query: ['id', '_id', 'query_id', 'qid'],
  queryText: ['text', 'query', 'question'],
  document: ['id', '_id', 'doc_id', 'did'],
  documentText: ['text'],
  judgedQuery: ['query_id', 'query', 'qid', 'query-id'],
  judgedDocument: ['doc_id', 'doc', 'did', 'corpus-id'],
  relevance: ['relevance', 'score', 'rel'],
} as const

/**
 * Queries from JSON Lines, `{"id": "q1", "text": "…", "group": "d7"}`; group may be left out, `_id`, `query_id` or `qid` and
 * `query` or `question` are understood, and whole numbers as ids. `where` begins every sentence: the file's path.
 */
export function parseQueries(where: string, text: string): { queries: Query[] } | Problems {
  const seen = new Set<string>()
  const read = readRows(where, text, MAX_QUERIES, (row) => {
    if ('columns' in row) return NOT_AN_OBJECT
    const id = newIdOf(row.object, NAMES.query, seen)
    if ('why' in id) return id.why
    const asked = textOf(row.object, NAMES.queryText)
    if (typeof asked === 'object') return asked.why
    if (asked.trim() === '') return 'the text is empty. A query needs words.'
    const group = groupOf(row.object)
    return typeof group === 'object' && group !== null ? group.why : { id: id.id, text: asked, group }
  })
  return 'problems' in read ? read : { queries: read.values }
}

/**
 * Documents from JSON Lines, `{"id": "d7", "title": "…", "text": "…"}`; title may be left out, a text may be empty, and
 * `_id`, `doc_id` and `did` are understood.
 */
export function parseDocuments(where: string, text: string): { documents: SetDocument[] } | Problems {
  const seen = new Set<string>()
  const read = readRows(where, text, MAX_DOCUMENTS, (row) => {
    if ('columns' in row) return NOT_AN_OBJECT
    const id = newIdOf(row.object, NAMES.document, seen)
    if ('why' in id) return id.why
    const body = textOf(row.object, NAMES.documentText)
    if (typeof body === 'object') return body.why
    const title = row.object.title ?? null
    if (title !== null && typeof title !== 'string') return '"title" is not a text.'
    return { id: id.id, title: title === null || title.trim() === '' ? null : title, text: body }
  })
  return 'problems' in read ? read : { documents: read.values }
}

/**
 * Judgements from JSON Lines, `{"query_id": "q1", "doc_id": "d7", "relevance": 1}`; from TREC's four columns, `q1 0 d7 1`;
 * or from three columns, `q1 d7 1`, under a heading or not. `query`, `qid`, `query-id`, `doc`, `did`, `corpus-id`, `score`
 * and `rel` are understood. A pair judged twice must be judged alike.
 */
export function parseJudgements(where: string, text: string): { judgements: Judgements } | Problems {
  const judgements = new Map<string, Map<string, number>>()
  const read = readRows(where, text, MAX_JUDGEMENTS, (row, isFirst) => {
    const judged = 'columns' in row ? judgedColumns(row.columns, isFirst) : judgedObject(row.object)
    if (judged === null || typeof judged === 'string') return judged
    const { query, document, relevance } = judged
    const documents = judgements.get(query) ?? new Map<string, number>()
    judgements.set(query, documents)
    const before = documents.get(document)
    if (before !== undefined && before !== relevance) {
      return `"${shorten(document)}" was judged ${before} for "${shorten(query)}" above, and ${relevance} here. Keep one.`
    }
    documents.set(document, relevance)
    return null
  })
  if ('problems' in read) return read
  return judgements.size > 0 ? { judgements } : { problems: [`${where}: a heading and no judgement.`] }
}

/** Queries and judgements that belong together; a problem when they share no query. */
export function joinQuerySet(
  name: string,
  queries: readonly Query[],
  judgements: Judgements,
): QuerySet | Problems {
  const judged = queries.filter(({ id }) => judgements.has(id))
  const [first] = queries
  const [other] = judgements.keys()
  if (judged.length === 0) {
    return {
      problems: [
        `${name}: no query is judged: the queries have ids like "${shorten(first?.id ?? '')}", the judgements like "${shorten(other ?? '')}". Give files of one set.`,
      ],
    }
  }
  return {
    name,
    queries: judged,
    judgements: new Map(judged.map(({ id }) => [id, judgements.get(id) ?? new Map<string, number>()])),
    groups: groupsOf(judged, judgements),
    queriesWithoutJudgement: queries.length - judged.length,
    judgementsWithoutQuery: judgements.size - judged.length,
  }
}

/**
 * What queries share, for intervals over groups: the group that a query names, or else its only relevant document, because
 * questions with one answering passage were mostly written about that passage. Other queries have none.
 */
function groupsOf(queries: readonly Query[], judgements: Judgements): Map<string, string> {
  const groups = new Map<string, string>()
  for (const { id, group } of queries) {
    const relevant = [...(judgements.get(id) ?? [])].filter(([, relevance]) => relevance > 0)
    const [only] = relevant
    if (group !== null) groups.set(id, `named ${group}`)
    else if (only !== undefined && relevant.length === 1) groups.set(id, `document ${only[0]}`)
  }
  return groups
}

const NOT_AN_OBJECT = 'not a JSON object. Write one object on one line.'

type Judged = { query: string; document: string; relevance: number }

function judgedObject(object: JsonObject): Judged | string {
  const query = idOf(object, NAMES.judgedQuery)
  if ('why' in query) return query.why
  const document = idOf(object, NAMES.judgedDocument)
  if ('why' in document) return document.why
  const name = memberOf(object, NAMES.relevance)
  if (name === null) return missing(NAMES.relevance)
  const relevance = object[name]
  if (typeof relevance !== 'number') return `"${name}" is not a number.`
  return { query: query.id, document: document.id, relevance }
}

/** Null for the heading of a table, which only the first line can be. */
function judgedColumns(columns: readonly string[], isFirst: boolean): Judged | string | null {
  const [query = '', second = '', third = '', fourth = ''] = columns
  if (columns.length !== 3 && columns.length !== 4) {
    return `neither a JSON object nor four columns (query 0 document relevance), nor three.`
  }
  const document = columns.length === 4 ? third : second
  const word = columns.length === 4 ? fourth : third
  const relevance = Number(word)
  if (!Number.isFinite(relevance)) return isFirst ? null : `"${shorten(word)}" is not a number.`
  return { query, document, relevance }
}

function newIdOf(
  object: JsonObject,
  names: readonly string[],
  seen: Set<string>,
): { id: string } | { why: string } {
  const id = idOf(object, names)
  if ('why' in id) return id
  if (seen.has(id.id)) return { why: `another line has the id "${shorten(id.id)}" already. Keep one.` }
  seen.add(id.id)
  return id
}

function idOf(object: JsonObject, names: readonly string[]): { id: string } | { why: string } {
  const name = memberOf(object, names)
  if (name === null) return { why: missing(names) }
  const value = object[name]
  const id = Number.isSafeInteger(value) ? String(value) : value
  if (typeof id !== 'string') return { why: `"${name}" is neither a text nor a whole number.` }
  if (id === '') return { why: `"${name}" is empty.` }
  if (id.length > MAX_ID_LETTERS) return { why: `"${name}" has more than ${MAX_ID_LETTERS} letters.` }
  return { id }
}

function textOf(object: JsonObject, names: readonly string[]): string | { why: string } {
  const name = memberOf(object, names)
  if (name === null) return { why: missing(names) }
  const text = object[name]
  return typeof text === 'string' ? text : { why: `"${name}" is not a text.` }
}

function groupOf(object: JsonObject): string | null | { why: string } {
  if (object.group === undefined || object.group === null) return null
  const group = idOf(object, ['group'])
  return 'why' in group ? group : group.id
}

function memberOf(object: JsonObject, names: readonly string[]): string | null {
  return names.find((name) => Object.hasOwn(object, name)) ?? null
}

function missing(names: readonly string[]): string {
  const [own, ...others] = names.map((name) => `"${name}"`)
  return `no ${own}${others.length === 0 ? '' : ` (nor ${others.join(', ')})`}.`
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`
}
