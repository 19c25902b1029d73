/** What is fixed when a run begins. Its hash says what was measured; without the subject, with what. */

import type { JsonObject } from '../../lib/json.ts'
import { type Content, contentOf } from '../../registry/content.ts'
import type { Gates } from '../suites/suite.ts'

export type Subject =
  | { kind: 'release'; route: string; number: number; id: string; hash: string }
  | { kind: 'model'; model: string }
  /** The outputs that the items bring. */
  | { kind: 'recorded' }

export type RunScorer = {
  name: string
  kind: string
  version: number
  settings: JsonObject
  /** As the kind says: what its values can be, and which are good. */
  values: 'binary' | 'share' | 'unbounded'
  better: 'higher' | 'lower'
  /** A model judges; see `calibration.ts` for what it may decide. */
  judge?: true
  gates: Gates
}

export type RunContent = {
  suite: string
  dataset: { id: string; name: string; version: number; hash: string }
  split: string | null
  subject: Subject
  repeats: number
  scorers: readonly RunScorer[]
  concurrency: number
  timeoutMs: number
  coverage: number
  alpha: number
  seed: number | null
  /** Left out where there are none. */
  parameters?: JsonObject
  /** Asked through the upstream's batch API; left out where it is not. What is measured is the same. */
  batch?: true
  /** Answers and judgements of earlier runs are taken over up to this age; left out where none are. What is measured is the same. */
  cache?: { maxAgeMs: number }
}

/** As people name it: `support-answer@r12`, `local/reader`, `recorded`. */
export function subjectText(subject: Subject): string {
  switch (subject.kind) {
    case 'release':
      return `${subject.route}@r${subject.number}`
    case 'model':
      return subject.model
    case 'recorded':
      return 'recorded'
  }
}

export function runContent(content: RunContent): Content {
  return contentOf(content)
}

/** Equal for runs whose figures can be set side by side: same items, repeats and scorers, whatever was asked and decided. */
export function measureHash({ dataset, split, repeats, scorers, seed, parameters }: RunContent): string {
  const asked = parameters === undefined ? {} : { parameters }
  return contentOf({ dataset: dataset.hash, split, repeats, seed, scorers: scorers.map(rulesOf), ...asked })
    .hash
}

/** False for two scorers of one name that judge by different rules: their figures mean different things. */
export function judgeAlike(one: RunScorer, other: RunScorer): boolean {
  return contentOf(rulesOf(one)).hash === contentOf(rulesOf(other)).hash
}

function rulesOf({ name, kind, version, settings }: RunScorer): JsonObject {
  return { name, kind, version, settings }
}

/** Of a row that this version wrote. */
export function parseRunContent(text: string): RunContent {
  return JSON.parse(text) as RunContent
}
