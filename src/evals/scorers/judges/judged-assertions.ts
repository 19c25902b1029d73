/** What models say of the assertions of an item that nothing else decides: reported, so that people can hold it against their own judgement. */

import { z } from 'zod'
import { RequestError } from '../../../errors.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { type ReportedAssertion, reportedAssertions } from '../../assertions.ts'
import { judgeSafely } from '../judge-safely.ts'
import { abstained, clip, failed, rounded } from '../outcome.ts'
import type { Score, ScoreOutcome, ScorerKind } from '../scorer.ts'
import { versionWith } from './prompts/judge-prompt.ts'
import { MAX_JUDGES, readJudge, SINGLE_JUDGES } from './single-judges.ts'

const MAX_SAID_CHARS = 200

const noSettings = z.strictObject({})
type Said = { assertion: ReportedAssertion; outcome: ScoreOutcome }

export const judgedAssertions: ScorerKind<z.output<typeof noSettings>> = {
  kind: 'judged-assertions',
  version: versionWith(1, ...SINGLE_JUDGES),
  summary: 'What models say of the assertions of an item that name a judge: their mean by weight.',
  source:
    'promptfoo (model-graded assertions), https://www.promptfoo.dev/docs/configuration/expected-outputs/model-graded/, asked with the words of the judges here.',
  traps:
    'Other questions for each item, so the mean is a number to look at and not to compare. Decides nothing, and the test that `assertions` judges stays as it was. One assertion that could not be judged leaves the item without a number; what the others got stands in the reason. An item without such assertions abstains, one with more than nine too, and so does an empty answer.',
  values: 'share',
  better: 'higher',
  judge: true,
  settings: noSettings,
  prepare:
    () =>
    async (sample, ...rest) => {
      const all = sample.assertions === null ? [] : reportedAssertions(sample.assertions)
      if (all.length === 0) return abstained('No assertion of the item names a judge.')
      if (all.length > MAX_JUDGES)
        return abstained(`${all.length} assertions name a judge, and ${MAX_JUDGES} at most are asked.`)
      const said: Said[] = []
      for (const assertion of all) said.push({ assertion, outcome: await ask(assertion, sample, ...rest) })
      return together(said)
    },
}

/** Throws RequestError for a kind that is no judge, and for settings that it does not take. */
export function prepareJudge({
  kind,
  settings,
}: ReportedAssertion['judge']): Pick<ScorerKind, 'values'> & { score: Score } {
  const read = readJudge(kind, settings)
  if (!('problems' in read)) return read
  throw new RequestError('invalid_value', `judge: ${read.problems.join(' ')}`, { param: 'judge' })
}

async function ask(
  { judge }: ReportedAssertion,
  ...[sample, signal, tools]: Parameters<Score>
): Promise<ScoreOutcome> {
  const outcome = await judgeSafely(prepareJudge(judge), sample, { signal, tools })
  if (judge.not !== true || outcome.outcome !== 'scored') return outcome
  const passed = outcome.passed === null ? null : !outcome.passed
  return { ...outcome, value: 1 - outcome.value, passed, reason: `Wanted is the opposite. ${outcome.reason}` }
}

function together(said: readonly Said[]): ScoreOutcome {
  const reason = said.map(inWords).join(' ')
  if (said.some(({ outcome }) => outcome.outcome === 'error')) return failed(reason)
  let [sum, total] = [0, 0]
  let passed: boolean | null = true
  for (const { assertion, outcome } of said) {
    if (outcome.outcome !== 'scored') return abstained(reason)
    const { weight = 1 } = assertion
    sum += weight * outcome.value
    total += weight
    if (outcome.passed !== true && weight > 0) passed = passed === false ? false : outcome.passed
  }
  if (total === 0) return abstained(`No assertion has a weight. ${reason}`)
  return {
    outcome: 'scored',
    value: sum / total,
    passed,
    reason,
    details: { assertions: said.map(toDetail) },
  }
}

function inWords({ assertion, outcome }: Said): string {
  const value = outcome.outcome === 'scored' ? rounded(outcome.value) : outcome.outcome
  return `${assertion.type}: ${value}, ${clip(outcome.reason, MAX_SAID_CHARS)}`
}

function toDetail({ assertion: { type, judge, metric }, outcome }: Said): JsonObject {
  const value = outcome.outcome === 'scored' ? outcome.value : null
  return { type, judge: judge.kind, value, ...(metric !== undefined && { metric }) }
}
