/** From people's ratings to what a judge is worth: agreement, sensitivity and specificity, with intervals. Pure and seeded. */

import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { namedRandom } from '../../lib/random.ts'
import {
  type Agreement,
  type AgreementSettings,
  agreementOf,
  judgeRates,
} from '../../lib/statistics/agreement.ts'
import type { Estimate } from '../../lib/statistics/estimate.ts'
import { contentOf } from '../../registry/content.ts'
import { groupOf } from '../runs/item-pairs.ts'
import type { QueueContent } from './queue-rows.ts'
import type { RatedTask } from './rating-rows.ts'
import { missesOf } from './requirements.ts'
import { progressOf, type QueueProgress } from './review.ts'
import { categoriesOf, categoryOf, judgedValue } from './scale.ts'
import { stateOf } from './truth.ts'

/** 1,999: (resamples + 1) · 0.025 is whole, and 5,000 tasks of five grades take under two seconds and not eight. */
const RESAMPLES = 1_999

export type CalibrationFigures = {
  progress: QueueProgress
  /** Tasks with a truth and a judgement: all figures are over these. */
  truths: number
  /** Settled tasks whose judgement is gone or does not say what passes. */
  unjudged: number
  /** Truths of each answer. */
  counts: Readonly<Record<string, number>>
  sensitivity: Estimate | null
  specificity: Estimate | null
  /** Judge against truth. Kappa is weighted by distance where there are grades. */
  kappa: Agreement | null
  ac1: Agreement | null
  /** Reviewers among themselves, each pair of a task: what a judge can hardly exceed. Null for one reviewer. */
  people: Agreement | null
  misses: string[]
  /** Of every truth and judgement that went in. */
  truthsHash: string
}

type Judged = { number: number; group: string; truth: number; judged: number }

/**
 * Grades take linear weights: quadratic ones, as usual, call a judge good that is often one grade off, and letting an unfit judge
 * decide is worse than asking for more ratings. Items of one group are drawn together.
 */
export function calibrationOf(tasks: readonly RatedTask[], content: QueueContent): CalibrationFigures {
  const { scale } = content
  const settled = tasks.flatMap((task) => {
    const state = stateOf(task.ratings, content)
    return state.state === 'settled' ? [{ task, truth: state.truth }] : []
  })
  const judged = settled.flatMap(({ task, truth }): Judged[] => {
    const value = task.judged === null ? null : judgedValue(scale, task.judged)
    return value === null ? [] : [{ number: task.number, group: groupOf(task), truth, judged: value }]
  })
  const said = (of: (one: Judged) => number) => judged.map((one) => categoryOf(scale, of(one)))
  const [truths, judgements] = [said(({ truth }) => truth), said((one) => one.judged)]
  const groups = judged.map(({ group }) => group)
  const settings = (name: string, measure: AgreementSettings['measure'], of: readonly string[]) => ({
    measure,
    categories: categoriesOf(scale),
    groups: of,
    random: namedRandom(`${content.seed} ${name}`),
    resamples: RESAMPLES,
  })
  const weighted = scale.kind === 'grades' ? 'kappa-linear' : 'kappa'
  const pairs = pairsOfReviewers(tasks, content)
  const kappa = agreementOf(truths, judgements, settings('kappa', weighted, groups))
  const counts = Object.fromEntries(
    categoriesOf(scale).map((one) => [one, truths.filter((truth) => truth === one).length]),
  )
  const progress = progressOf(tasks, content)
  return {
    progress,
    truths: judged.length,
    unjudged: settled.length - judged.length,
    counts,
    ...ratesOf(judged, content),
    kappa,
    ac1: agreementOf(truths, judgements, settings('ac1', 'ac1', groups)),
    people: agreementOf(
      pairs.map(([first]) => first),
      pairs.map(([, second]) => second),
      settings(
        'people',
        weighted,
        pairs.map(([, , group]) => group),
      ),
    ),
    misses: missesOf({
      kappaLow: kappa?.low ?? null,
      truths: judged.length,
      counts,
      progress,
      models: modelsOf(content.judge.settings),
    }),
    truthsHash: contentOf(judged.map(({ number, truth, judged: value }) => [number, truth, value])).hash,
  }
}

function ratesOf(judged: readonly Judged[], { scale, seed }: QueueContent) {
  if (scale.kind === 'grades') return { sensitivity: null, specificity: null }
  return judgeRates(
    judged.map(({ truth }) => truth === 1),
    judged.map((one) => one.judged === 1),
    { groups: judged.map(({ group }) => group), random: namedRandom(`${seed} rates`) },
  )
}

/** Of every task each two reviewers who rated it, in the order of their places. */
function pairsOfReviewers(
  tasks: readonly RatedTask[],
  { scale }: QueueContent,
): [first: string, second: string, group: string][] {
  return tasks.flatMap((task) => {
    const said = task.ratings.filter(({ place }) => place > 0).map(({ value }) => categoryOf(scale, value))
    return said.flatMap((first, at) =>
      said.slice(at + 1).map((second): [string, string, string] => [first, second, groupOf(task)]),
    )
  })
}

/** Of a judge, or of every judge of a jury. */
function modelsOf({ model, judges }: JsonObject): string[] {
  const of = (one: unknown) => (typeof one === 'string' ? [one] : [])
  const members = Array.isArray(judges)
    ? judges.flatMap((one) => (isJsonObject(one) ? of(one.model) : []))
    : []
  return [...of(model), ...members]
}
