/** What a logged request was shown: the texts of its chunks, read again from the version that it was answered from. */

import type { Sql } from 'postgres'
import { findIndex } from './indexes/store.ts'
import { readChunks } from './search/store.ts'

/** In the given order; null when the version was dropped, is not there, or lacks one of them. */
export async function recallTexts(
  sql: Sql,
  projectId: string,
  index: { name: string; version: number },
  numbers: readonly number[],
): Promise<{ text: string }[] | null> {
  const row = await findIndex(sql, projectId, index)
  if (row === null || row.state !== 'ready') return null
  const found = new Map(
    (await readChunks(sql, row.number, projectId, numbers)).map(({ number, text }) => [number, text]),
  )
  const texts = numbers.flatMap((number) => {
    const text = found.get(number)
    return text === undefined ? [] : [{ text }]
  })
  return texts.length === numbers.length ? texts : null
}
