/** A scorer of what each item demands by itself: its own assertions, put together by their weights. */

import { z } from 'zod'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import type { Assertion, Assertions, Check } from '../assertions.ts'
import { abstained, clip, failed, rounded, verdict } from './outcome.ts'
import type { Score, ScoreOutcome, ScorerKind } from './scorer.ts'

/** As the registry looks up a kind; handed in, as the registry knows this one. Throws RequestError. */
type Prepare = (given: { kind: string; settings?: unknown }) => {
  values: ScorerKind['values']
  judge?: true
  score: Score
}

/** How an assertion ended. Where it is not known, its score lies anywhere between `low` and `high`, and `passed` is null. */
type Ended = { low: number; high: number; passed: boolean | null }
type Told = Ended & { name: string; metric: string | undefined; weight: number; reason: string }

const MAX_REASON_CHARS = 160
const MAX_REASONS = 5
const MAX_SHOWN = 12

const noSettings = z.strictObject({})

export function assertionsKind(prepare: Prepare): ScorerKind<z.output<typeof noSettings>> {
  return {
    kind: 'assertions',
    version: 1,
    summary: 'The answer passes what its own item demands (`assertions`): 1 when the test passes.',
    source:
      'promptfoo (assertions of a test, https://www.promptfoo.dev/docs/configuration/expected-outputs/): the score is Σ weight × score ÷ Σ weight; passed when all pass, or from the test’s threshold on; an assertion of weight 0 always passes.',
    traps:
      'Each item is judged by other rules, so the mean is a share of tests passed and nothing finer; the score is in the details. An assertion that cannot be judged keeps the test from passing: it fails where the others decide that already, and abstains otherwise. A list without assertions passes, as in promptfoo. The empty answer is judged by the assertions.',
    values: 'binary',
    better: 'higher',
    settings: noSettings,
    prepare:
      () =>
      async (sample, ...rest) => {
        if (sample.assertions === null) return abstained('The item has no assertions of its own.')
        const told: Told[] = []
        for (const one of sample.assertions.checks) told.push(await judge(prepare, one, [sample, ...rest]))
        return outcomeOf(told, sample.assertions)
      },
  }
}

async function judge(prepare: Prepare, assertion: Assertion, given: Parameters<Score>): Promise<Told> {
  const { metric, weight = 1 } = assertion
  if ('not_evaluated' in assertion) {
    const { type, not_evaluated: reason } = assertion
    return { ...unknown(weight), name: type, metric, weight, reason }
  }
  if ('kind' in assertion) {
    const name = assertion.not === true ? `not-${assertion.kind}` : assertion.kind
    const outcome = await scoreOne(prepare, assertion, given)
    return { ...endOf(outcome, assertion, weight), name, metric, weight, reason: outcome.reason }
  }
  const within: Told[] = []
  for (const one of assertion.all) within.push(await judge(prepare, one, given))
  const reason = reasonsOf(within.filter(({ passed }) => passed !== true))
  return { ...combined(within, assertion.threshold), name: 'assert-set', metric, weight, reason }
}

/** A kind that throws is one assertion that is not known, and the others still count. */
async function scoreOne(
  prepare: Prepare,
  { kind, settings = {} }: Check,
  given: Parameters<Score>,
): Promise<ScoreOutcome & { values?: ScorerKind['values'] }> {
  try {
    const { values, score, judge: isJudge } = prepare({ kind, settings })
    if (isJudge) return abstained('A model judges it, which decides nothing before it is calibrated.')
    return { ...(await score(...given)), values }
  } catch (error) {
    return failed(error instanceof Error ? error.message : 'The scorer failed.')
  }
}

function endOf(
  outcome: ScoreOutcome & { values?: ScorerKind['values'] },
  { not = false, by_pass: byPass = false }: Check,
  weight: number,
): Ended {
  if (outcome.outcome !== 'scored' || outcome.passed === null) return unknown(weight)
  const isPassed = outcome.passed !== not
  const isShare = outcome.values !== 'unbounded' && !byPass
  const own = isShare ? outcome.value : Number(outcome.passed)
  const score = not ? 1 - own : own
  return { low: score, high: score, passed: isPassed || weight === 0 }
}

function unknown(weight: number): Ended {
  return { low: 0, high: 1, passed: weight === 0 ? true : null }
}

/**
 * Σ weight × score ÷ Σ weight, 0 without any weight. What is not known is taken at its worst and at its best: it may decide
 * for failing, and never for passing.
 */
function combined(parts: readonly Told[], threshold: number | undefined): Ended {
  const total = parts.reduce((sum, { weight }) => sum + weight, 0)
  const mean = (read: (one: Told) => number) =>
    total === 0 ? 0 : parts.reduce((sum, one) => sum + one.weight * read(one), 0) / total
  const [low, high] = [mean((one) => one.low), mean((one) => one.high)]
  const isKnown = parts.every(({ passed }) => passed !== null)
  const passes = threshold === undefined ? parts.every(({ passed }) => passed !== false) : high >= threshold
  return { low, high, passed: passes ? (isKnown ? true : null) : false }
}

function outcomeOf(told: readonly Told[], { threshold }: Assertions): ScoreOutcome {
  if (told.length === 0) return verdict(true, 'The test asserts nothing: any answer passes.')
  const { low, passed } = combined(told, threshold)
  const open = told.filter((one) => one.passed === null)
  if (passed === null) return abstained(`Not evaluated: ${reasonsOf(open)}`)
  const wanted = threshold === undefined ? 'all have to pass' : `${rounded(threshold)} is demanded`
  const missed = told.filter((one) => one.passed === false)
  const why = missed.length === 0 ? '' : ` Failed: ${reasonsOf(missed)}`
  const details: JsonObject = {
    ...(open.length === 0 && { score: low, metrics: metricsOf(told) }),
    assertions: told.slice(0, MAX_SHOWN).map(shown),
  }
  const score = open.length === 0 ? `Score ${rounded(low)}` : `${open.length} not evaluated`
  return verdict(passed, `${score}, ${wanted}.${why}`, details)
}

function shown({ name, passed, low, high, reason }: Told): JsonValue {
  const score = low === high ? { score: low } : {}
  return { name, passed, ...score, reason: clip(reason, MAX_REASON_CHARS) }
}

/** The weighted mean of what carries the same name. */
function metricsOf(told: readonly Told[]): JsonObject {
  const names = new Set(told.flatMap(({ metric }) => (metric === undefined ? [] : [metric])))
  return Object.fromEntries(
    [...names].slice(0, MAX_SHOWN).map((name) => {
      const own = told.filter(({ metric }) => metric === name)
      return [name, combined(own, undefined).low]
    }),
  )
}

function reasonsOf(parts: readonly Told[]): string {
  const texts = parts
    .slice(0, MAX_REASONS)
    .map(({ name, reason }) => `${name}: ${clip(reason, MAX_REASON_CHARS)}`)
  const more = parts.length - texts.length
  return texts.join(' ') + (more > 0 ? ` And ${more} more.` : '')
}
