/** Several judges of one answer, of other models or other questions: what most of them say. */

import { z } from 'zod'
import type { JsonObject } from '../../../lib/json.ts'
import { judgeSafely } from '../judge-safely.ts'
import { abstained, clip, rounded, share } from '../outcome.ts'
import type { Score, ScoreOutcome, ScorerKind } from '../scorer.ts'
import { thresholdSetting, wrongSetting } from '../settings.ts'
import { versionWith } from './prompts/judge-prompt.ts'
import { MAX_JUDGES, readJudge, SINGLE_JUDGES } from './single-judges.ts'

/** As many as ask less than a judgement may: ten questions each, at the most. */
const MAX_VOTE_CHARS = 200

const settings = z.strictObject({
  judges: z
    .array(z.looseObject({ kind: z.string().max(60) }))
    .min(2)
    .max(MAX_JUDGES)
    .describe('two to nine, each a kind of judge with its settings: `{kind: rubric, model: …, rubric: …}`'),
  decide: z
    .enum(['median', 'majority'])
    .default('median')
    .describe(
      'the median of the values, or what more than half of them say: a vote is yes when it passed, or has at least ½ where nothing says what passes',
    ),
  threshold: thresholdSetting,
})

type Member = { kind: string; model: string; values: ScorerKind['values']; score: Score }
type Vote = { judge: string; outcome: ScoreOutcome }
type Scored = Extract<ScoreOutcome, { outcome: 'scored' }>

export const jury: ScorerKind<z.output<typeof settings>> = {
  kind: 'jury',
  version: versionWith(1, ...SINGLE_JUDGES),
  summary: 'What several judges say of the answer: the median of their values, or the majority.',
  source:
    'PoLL, Verga et al. 2024, https://arxiv.org/abs/2404.18796 (a panel of models of several families).',
  traps:
    'Judges of one family err together: three of them are hardly more than one. The median of judges with different questions is a number without a meaning. Costs the sum of all. Every vote stands among the details: look at where they part. Fewer than half judged, or a majority split evenly, abstains; an empty answer does for every judge that looks at it.',
  values: 'share',
  better: 'higher',
  judge: true,
  settings,
  prepare({ judges, decide, threshold }) {
    const members = judges.map(readMember)
    return async (sample, signal, tools) => {
      const votes = await Promise.all(
        members.map(async (member): Promise<Vote> => {
          const outcome = await judgeSafely(member, sample, { signal, tools })
          return { judge: `${member.kind} by ${member.model}`, outcome }
        }),
      )
      const scored = votes.map(({ outcome }) => outcome).filter((outcome) => outcome.outcome === 'scored')
      if (2 * scored.length < votes.length) {
        const [lost] = votes.filter(({ outcome }) => outcome.outcome !== 'scored')
        const why = lost === undefined ? '' : ` ${lost.judge}: ${lost.outcome.reason}`
        return abstained(`Only ${scored.length} of ${votes.length} judges judged.${clip(why, 500)}`)
      }
      const details = { judged: scored.length, votes: votes.map(describeVote) }
      return decide === 'median' ? byMedian(scored, threshold, details) : byMajority(scored, details)
    }
  },
}

/** Throws RequestError that names the judge. */
function readMember({ kind, ...given }: { kind: string }, at: number): Member {
  const read = readJudge(kind, given as JsonObject)
  if ('problems' in read) {
    throw wrongSetting(`judges.${at}${read.of === 'kind' ? '.kind' : ''}`, read.problems.join(' '))
  }
  return { kind, ...read }
}

function describeVote({ judge, outcome }: Vote): JsonObject {
  const reason = clip(outcome.reason, MAX_VOTE_CHARS)
  const value = outcome.outcome === 'scored' ? outcome.value : null
  return { judge: clip(judge, 100), outcome: outcome.outcome, value, reason }
}

function byMedian(
  scored: readonly Scored[],
  threshold: number | undefined,
  details: JsonObject,
): ScoreOutcome {
  const values = scored.map(({ value }) => value).toSorted((a, b) => a - b)
  const middle = values.length / 2
  const [low = 0, high = low] = values.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1)
  const median = (low + high) / 2
  const shown = values.map(rounded).join(', ')
  return share(median, threshold, `${rounded(median)} is the median of ${shown}.`, details)
}

function byMajority(scored: readonly Scored[], details: JsonObject): ScoreOutcome {
  const yes = scored.filter(({ passed, value }) => passed ?? value >= 0.5).length
  if (2 * yes === scored.length) return abstained(`${yes} judges say yes and as many say no.`)
  const holds = 2 * yes > scored.length
  return share(holds ? 1 : 0, 1, `${yes} of ${scored.length} judges say yes.`, details)
}
