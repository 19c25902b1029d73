/** A folder of public sets, `<name>-docs`, `<name>-queries` and `<name>-qrels`: which there are, and one of them read. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  joinQuerySet,
  parseDocuments,
  parseJudgements,
  parseQueries,
  type QuerySet,
  type SetDocument,
} from './query-sets.ts'
import { readSetFile } from './set-file.ts'

export type SetPaths = { name: string; queries: string; qrels: string; documents: string }
type Problems = { problems: readonly string[] }

const PARTS = ['docs', 'queries', 'qrels'] as const
const FILE_NAME = /^(?<name>.+)-(?<part>docs|queries|qrels)\.(?:jsonl|tsv|txt|trec)(?:\.gz)?$/
/** Each is measured three times. */
const MAX_SETS = 50

/** The sets of a folder, by name. A set that lacks a file, or has one twice, is a problem; other files are none. */
export function findPublicSets(folder: string): { sets: SetPaths[] } | Problems {
  let entries: string[]
  try {
    entries = readdirSync(folder).toSorted()
  } catch (error) {
    return { problems: [`${folder}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`] }
  }
  const found = new Map<string, Map<string, string>>()
  const problems: string[] = []
  for (const entry of entries) {
    const { name, part } = FILE_NAME.exec(entry)?.groups ?? {}
    if (name === undefined || part === undefined) continue
    const files = found.get(name) ?? new Map<string, string>()
    found.set(name, files)
    if (files.has(part)) problems.push(`${folder}: "${name}" has two files of ${part}. Keep one.`)
    files.set(part, join(folder, entry))
  }
  const sets = [...found].map(([name, files]) => {
    for (const part of PARTS) {
      if (!files.has(part)) problems.push(`${folder}: "${name}" lacks ${name}-${part}.jsonl or .jsonl.gz.`)
    }
    const path = (part: (typeof PARTS)[number]) => files.get(part) ?? ''
    return { name, queries: path('queries'), qrels: path('qrels'), documents: path('docs') }
  })
  if (sets.length === 0) {
    problems.push(
      `${folder}: no set here. One is three files: <name>-docs, <name>-queries and <name>-qrels, .jsonl or .jsonl.gz.`,
    )
  }
  if (sets.length > MAX_SETS)
    problems.push(`${folder}: ${sets.length} sets, more than ${MAX_SETS}. Use several folders.`)
  return problems.length > 0 ? { problems } : { sets }
}

/** Queries and judgements of two files, checked and joined. Problems of both files at once. */
export function readQuerySet(name: string, queriesPath: string, qrelsPath: string): QuerySet | Problems {
  const queries = readParsed(queriesPath, parseQueries)
  const judgements = readParsed(qrelsPath, parseJudgements)
  if ('problems' in queries || 'problems' in judgements) {
    return {
      problems: [queries, judgements].flatMap((read) => ('problems' in read ? read.problems : [])),
    }
  }
  return joinQuerySet(name, queries.queries, judgements.judgements)
}

/** The documents of a file. */
export function readDocuments(path: string): { documents: SetDocument[] } | Problems {
  return readParsed(path, parseDocuments)
}

function readParsed<Parsed>(
  path: string,
  parse: (where: string, text: string) => Parsed | Problems,
): Parsed | Problems {
  const file = readSetFile(path)
  return 'why' in file ? { problems: [`${path}: ${file.why}`] } : parse(path, file.text)
}
