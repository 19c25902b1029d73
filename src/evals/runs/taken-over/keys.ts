/** What makes two questions of runs one and the same, so that the answer to the one is the answer to the other. Pure. */

import { hash } from 'node:crypto'
import { contentOf } from '../../../registry/content.ts'
import { reportedAssertions } from '../../assertions.ts'
import type { DatasetItem } from '../../datasets/item.ts'
import type { Sample } from '../../scorers/scorer.ts'
import { questionOf } from '../answer-unit.ts'
import type { Unit } from '../result-rows.ts'
import { type RunContent, type RunScorer, subjectText } from '../run-content.ts'
import { judgeModels } from './judge-models.ts'

/**
 * SHA-256 of who answers to a model's name in a project, as far as it is a fixed thing; null where it may be somebody else
 * tomorrow. Of this moment: it changes with aval.yaml.
 */
export type AnswererOf = (projectId: string, model: string) => string | null

/** Count up when a key means something else: older rows are then found no more. */
const ANSWER = 'aval eval answer 1'
const JUDGEMENT = 'aval eval judgement 1'

/**
 * Of one item and repeat: project, who answers, the whole request with its seed, and which repeat it is, so that repeats stay
 * answers of their own. Null for what is asked of nobody, or of whom nobody can tell.
 */
export function answerKey(
  answererOf: AnswererOf,
  projectId: string,
  content: RunContent,
  unit: Pick<Unit, 'item' | 'repeat'>,
): string | null {
  if (content.subject.kind === 'recorded') return null
  const answerer = answererOf(projectId, subjectText(content.subject))
  const body = answerer === null ? null : questionOf(content, unit)
  return body === null ? null : keyOf(ANSWER, { project: projectId, answerer, body, repeat: unit.repeat })
}

/**
 * Of one answer by one judge: project, rules with all their settings, who answers to each of its models, the item, which repeat, and
 * everything that a judge is shown. Null for a scorer that asks nobody, and where of one of its models nobody can tell.
 */
export function judgementKey(
  answererOf: AnswererOf,
  projectId: string,
  scorer: RunScorer,
  { item, repeat, sample }: { item: DatasetItem; repeat: number; sample: Sample },
): string | null {
  if (scorer.judge !== true) return null
  const models = modelsOf(scorer, item)
  const judges: Record<string, string> = {}
  for (const model of models) {
    const answerer = answererOf(projectId, model)
    if (answerer === null) return null
    judges[model] = answerer
  }
  if (models.length === 0) return null
  const { kind, version, settings } = scorer
  // How long an answer took and what it cost says nothing of it.
  const { latencyMs: _latency, cost: _cost, takenOver: _mark, ...shown } = sample
  const rules = { kind, version, settings }
  return keyOf(JUDGEMENT, { project: projectId, rules, judges, item: item.id, repeat, shown })
}

/** The scorer's own, or those that the item's assertions name. */
function modelsOf({ settings }: RunScorer, { assertions }: DatasetItem): string[] {
  const own = judgeModels(settings)
  if (own.length > 0 || assertions === undefined) return own
  return [...new Set(reportedAssertions(assertions).flatMap(({ judge }) => judgeModels(judge.settings)))]
}

function keyOf(domain: string, asked: object): string {
  return hash('sha256', `${domain}\n${contentOf(asked).text}`, 'hex')
}
