/** The passages of a logged request, found again in the version of the index that gave them. */

import type { Sql } from 'postgres'
import type { RequestRow } from '../audit/store.ts'
import type { PromptContext } from '../registry/prompts/prompt-content.ts'
import { parseVersionRef } from '../registry/releases/release-content.ts'
import { recallTexts } from '../retrieval/recall.ts'
import { promptContexts } from './contexts.ts'

/** What its prompt was filled with; null without an index, `gone` when the index no longer has it. */
export type RecalledContexts = readonly PromptContext[] | null | 'gone'

export async function recallContexts(
  sql: Sql,
  { projectId, index, retrieval }: Pick<RequestRow, 'projectId' | 'index' | 'retrieval'>,
): Promise<RecalledContexts> {
  if (index === null || retrieval === null) return null
  const ref = parseVersionRef(index)
  if (ref === null || ref.version === null || projectId === null) return 'gone'
  const numbers = retrieval.contexts.map(({ chunk }) => chunk)
  const texts = await recallTexts(sql, projectId, { name: ref.name, version: ref.version }, numbers)
  return texts === null ? 'gone' : promptContexts(texts)
}
