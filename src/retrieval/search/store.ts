/** All SQL of a search beside the nearest vectors: words, ranks by words, and what the chosen chunks say. */

import type { Sql } from 'postgres'
import { partitionOf } from '../indexes/partitions.ts'
import { type Filter, type Hit, whole } from './nearest.ts'
import type { QueryLexeme, TextQuery } from './text-query.ts'

export type FoundChunk = {
  number: number
  documentHash: string
  key: string
  title: string | null
  heading: string | null
  text: string
  start: number
  end: number
  /** Null without a vector to compare with. */
  cosine: number | null
}

/** The question's lexemes that the index knows, read with every configuration that its chunks were read with. */
export async function findLexemes(
  sql: Sql,
  number: number,
  question: string,
  configurations: readonly string[],
): Promise<QueryLexeme[]> {
  return await sql.unsafe<QueryLexeme[]>(
    `SELECT lexeme, chunks, lexeme_dimension(lexeme) AS dimension FROM ${partitionOf('index_lexemes', number)}
     WHERE index_number = ${whole(number)} AND lexeme IN (
       SELECT unnest(tsvector_to_array(to_tsvector(given.name::regconfig, $1)))
       FROM json_array_elements_text($2::json) AS given (name))`,
    [question, JSON.stringify(configurations)],
    { prepare: true },
  )
}

/** Best first by BM25; ties by number. */
export async function rankByWords(
  sql: Sql,
  number: number,
  { candidates, rarity }: TextQuery,
  limit: number,
  { condition, values }: Filter,
): Promise<Hit[]> {
  return await sql.unsafe<Hit[]>(
    `SELECT number, -(weights <#> $2::sparsevec) AS score FROM ${partitionOf('chunk_terms', number)}
     WHERE lexemes @@ $1::tsquery ${condition === null ? '' : `AND ${condition}`}
     ORDER BY score DESC, number LIMIT ${whole(limit)}`,
    [candidates, rarity, ...values],
    { prepare: true },
  )
}

/**
 * A condition on a chunk's document, for a statement whose parameters before it number `before`: the values that members
 * of its metadata have, and the keys of the files it may be from. Always the same few statements, so that they can stay
 * prepared.
 */
export function documentFilter(
  number: number,
  projectId: string,
  { filters, within }: Wanted,
  before: number,
): Filter {
  const conditions: string[] = []
  const values = [projectId]
  const parameter = (value: string) => {
    values.push(value)
    return `$${before + values.length}`
  }
  if (Object.keys(filters).length > 0) {
    conditions.push(`d.metadata @> ${parameter(JSON.stringify(filters))}::jsonb`)
  }
  if (within !== null) {
    const keys = `SELECT value FROM json_array_elements_text(${parameter(JSON.stringify(within))}::json) AS given (value)`
    conditions.push(`split_part(d.key, '#', 1) IN (${keys})`)
  }
  if (conditions.length === 0) return { condition: null, values: [] }
  return {
    condition: `number IN (SELECT c.number FROM ${partitionOf('chunks', number)} c
      JOIN documents d ON d.project_id = $${before + 1} AND d.hash = c.document_hash
      WHERE ${conditions.join(' AND ')})`,
    values,
  }
}

type Wanted = {
  filters: Readonly<Record<string, string | number | boolean>>
  /** Null takes every file. */
  within: readonly string[] | null
}

/**
 * What these chunks say and where they are from, in no order, with their cosine to a vector where one is given. Each chunk's document
 * and vector are looked up by their keys, whatever the statistics say: a plan made before they are known reads every document.
 */
export async function readChunks(
  sql: Sql,
  number: number,
  projectId: string,
  numbers: readonly number[],
  embedding: string | null = null,
): Promise<FoundChunk[]> {
  return await sql.unsafe<FoundChunk[]>(
    `SELECT c.number, c.document_hash AS "documentHash", d.key, d.title, c.heading,
       c.body AS text, c.start_at AS start, c.end_at AS "end", v.cosine
     FROM ${partitionOf('chunks', number)} c
     CROSS JOIN LATERAL (SELECT d.key, d.title FROM documents d
       WHERE d.project_id = $1 AND d.hash = c.document_hash OFFSET 0) d
     LEFT JOIN LATERAL (SELECT 1 - (v.embedding <=> $2::vector) AS cosine FROM ${partitionOf('chunk_vectors', number)} v
       WHERE $2 IS NOT NULL AND v.index_number = c.index_number AND v.number = c.number OFFSET 0) v ON true
     WHERE c.index_number = ${whole(number)} AND c.number = ANY ($3::integer[])`,
    [projectId, embedding, numberArray(numbers)],
    { prepare: true },
  )
}

/** Vectors of chunks, as text. */
export async function readVectors(
  sql: Sql,
  number: number,
  numbers: readonly number[],
): Promise<{ number: number; embedding: string }[]> {
  return await sql.unsafe<{ number: number; embedding: string }[]>(
    `SELECT number, embedding::text AS embedding FROM ${partitionOf('chunk_vectors', number)}
     WHERE index_number = ${whole(number)} AND number = ANY ($1::integer[])`,
    [numberArray(numbers)],
    { prepare: true },
  )
}

function numberArray(numbers: readonly number[]): string {
  return `{${numbers.map(whole).join(',')}}`
}
