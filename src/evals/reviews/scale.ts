/** In which words people repeat a judge's judgement: yes or no, or the judge's own grades. Pure. */

import { RequestError } from '../../errors.ts'
import type { RunScorer } from '../runs/run-content.ts'

/**
 * `yes-no` is about what the judge lets pass; `rate` says whether its values are nothing but that, 0 and 1, so that their mean
 * is a rate. `grades` go from 1 to `levels`, and stand for values evenly from 0 to 1.
 */
export type ReviewScale = { kind: 'yes-no'; rate: boolean } | { kind: 'grades'; levels: number }

/** What a person says: `yes`, `no`, or a grade. */
export type Said = 'yes' | 'no' | number

/** Throws RequestError for a scorer that is no judge, or whose judgement nobody can repeat by one answer alone. */
export function scaleOf(
  scorer: Pick<RunScorer, 'name' | 'kind' | 'values' | 'settings' | 'judge'>,
): ReviewScale {
  const { name, kind, values, settings, judge } = scorer
  if (judge !== true) {
    throw refused(`"${name}" (${kind}) judges by rules and needs no people beside it. Name a judge.`)
  }
  if (kind === 'pairwise') {
    throw refused(`"${name}" compares two answers, and reviewers see one. Review a judge of single answers.`)
  }
  if (kind === 'judged-assertions') {
    throw refused(`"${name}" asks another question of each item, which no one answer of people repeats.`)
  }
  if (kind === 'rubric' && settings.scale === '1-5') return { kind: 'grades', levels: 5 }
  const isMajority = kind === 'jury' && settings.decide === 'majority'
  if (values === 'binary' || kind === 'rubric' || isMajority) return { kind: 'yes-no', rate: true }
  if (typeof settings.threshold === 'number') return { kind: 'yes-no', rate: false }
  throw refused(
    `"${name}" (${kind}) gives shares and does not say which are good enough. Give it a threshold, so that yes or no can be asked of people.`,
  )
}

/** What the judge said on that scale, 0…1; null where it did not say what passes. */
export function judgedValue(
  scale: ReviewScale,
  { value, passed }: { value: number; passed: boolean | null },
) {
  if (scale.kind === 'grades') return value
  return passed === null ? null : Number(passed)
}

/** 0…1. Throws RequestError for what is not on the scale. */
export function ratingValue(scale: ReviewScale, said: Said): number {
  if (scale.kind === 'yes-no') {
    if (said === 'yes' || said === 'no') return said === 'yes' ? 1 : 0
    throw wrongValue(said, '"yes" or "no"')
  }
  const isGrade = typeof said === 'number' && Number.isInteger(said) && said >= 1 && said <= scale.levels
  if (!isGrade) throw wrongValue(said, `a whole number from 1 to ${scale.levels}`)
  return (said - 1) / (scale.levels - 1)
}

export function saidOf(scale: ReviewScale, value: number): Said {
  if (scale.kind === 'yes-no') return value === 1 ? 'yes' : 'no'
  return Math.round(value * (scale.levels - 1)) + 1
}

/** All that can be said, in order, as the measures of agreement name them. */
export function categoriesOf(scale: ReviewScale): string[] {
  if (scale.kind === 'yes-no') return ['no', 'yes']
  return Array.from({ length: scale.levels }, (_, at) => String(at + 1))
}

export function categoryOf(scale: ReviewScale, value: number): string {
  return String(saidOf(scale, value))
}

function refused(message: string): RequestError {
  return new RequestError('invalid_value', message, { param: 'scorer' })
}

function wrongValue(said: Said, wanted: string): RequestError {
  return new RequestError(
    'invalid_value',
    `${JSON.stringify(said)} is not on this queue's scale. Write ${wanted}.`,
    {
      param: 'value',
    },
  )
}
