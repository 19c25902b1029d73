/** What became of each test of a run: passed, failed, or not evaluated; read from its results page by page. */

import type { CliContext } from '../../context.ts'
import type { Page } from '../../list.ts'
import { runPath } from './wire.ts'

type Result = {
  item: string
  repeat: number
  scores: { scorer: string; outcome: string; passed: boolean | null; reason: string }[]
}
export type TestCounts = {
  /** A test that is repeated counts as often. */
  passed: number
  failed: number
  notEvaluated: number
  /** The first that did not pass. */
  missed: { test: string; outcome: 'failed' | 'not evaluated'; reason: string }[]
}

/** The scorer that decides; others only report. */
export const TEST = 'test'
const PAGE = 200
/** 100,000 tests; a run has fewer. */
const MAX_PAGES = 500
const MAX_MISSED = 20

export async function countTests({ client }: CliContext, run: string): Promise<TestCounts> {
  const counts: TestCounts = { passed: 0, failed: 0, notEvaluated: 0, missed: [] }
  let cursor: string | null = null
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const query = { limit: String(PAGE), ...(cursor !== null && { cursor }) }
    const page: Page<Result> = await client.json({ method: 'GET', path: `${runPath(run)}/results`, query })
    for (const result of page.data) add(counts, result)
    cursor = page.next_cursor
    if (cursor === null) break
  }
  return counts
}

function add(counts: TestCounts, { item, scores }: Result): void {
  const score = scores.find(({ scorer }) => scorer === TEST)
  if (score?.passed === true) {
    counts.passed += 1
    return
  }
  const isFailed = score?.passed === false
  if (isFailed) counts.failed += 1
  else counts.notEvaluated += 1
  if (counts.missed.length >= MAX_MISSED) return
  const outcome = isFailed ? 'failed' : 'not evaluated'
  counts.missed.push({ test: item, outcome, reason: score?.reason ?? 'It was not judged.' })
}
