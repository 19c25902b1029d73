import { describe, expect, test } from 'vitest'
import { answerScore, calibrated } from '../../../../src/evals/groundedness/combine.ts'
import { FEATURES } from '../../../../src/evals/groundedness/features.ts'
import { type Detector, judgeReading, LIMITS } from '../../../../src/evals/groundedness/ground.ts'
import { grounded } from '../../../../src/evals/groundedness/grounded.ts'
import { FITTED } from '../../../../src/evals/groundedness/weights.generated.ts'
import { digestOf, modelFor } from '../../../../src/evals/groundedness/weights.ts'
import type { Sample, ScoreOutcome } from '../../../../src/evals/scorers/scorer.ts'
import { readingOf, wordEmbed } from '../../../support/groundedness.ts'
import { EMPTY_SAMPLE, NO_TOOLS } from '../../../support/judge-sample.ts'

const CONTEXT =
  'Acme bought 1,200 boats in March 2021. Profits increased by three percent. The crew sails from Oslo every morning.'
const signal = new AbortController().signal

async function score(
  output: string,
  contexts: readonly string[] = [CONTEXT],
  settings: object = {},
): Promise<ScoreOutcome> {
  const sample: Sample = {
    ...EMPTY_SAMPLE,
    output,
    contexts,
    finishReason: 'stop',
  }
  const embed = async (texts: readonly string[]) => [...(await wordEmbed(texts, signal))]
  return await grounded.prepare(grounded.settings.parse(settings))(sample, signal, { ...NO_TOOLS, embed })
}

function scored(outcome: ScoreOutcome) {
  if (outcome.outcome !== 'scored') throw new Error(outcome.reason)
  return outcome
}

describe('grounded', () => {
  test('is higher for what the context says than for an edit of it', async () => {
    const said = scored(await score('Acme bought 1,200 boats in March 2021.', [CONTEXT], { threshold: 0.6 }))
    const edited = scored(
      await score('Ajax bought 1,900 boats in March 2021.', [CONTEXT], { threshold: 0.6 }),
    )

    expect([said.passed, edited.passed]).toEqual([true, false])
    expect(said.value).toBeGreaterThan(edited.value + 0.2)
  })

  test('names the unsupported sentence, quotes its evidence by place, and says what is missing', async () => {
    const output =
      'Profits increased by three percent. In March 2021 nobody bought 1,900 boats but Ajax sold 70 of them.'

    const { details, reason } = scored(await score(output))

    const { shown } = details as {
      shown: {
        text: string
        start: number
        end: number
        supported: boolean
        not_in_evidence: string[]
        evidence: { start: number; end: number; text: string }[]
      }[]
    }
    expect(shown.map(({ supported }) => supported)).toEqual([true, false])
    expect(shown[1]?.not_in_evidence).toEqual(expect.arrayContaining(['ajax', '1,900', '70']))
    expect(output.slice(shown[1]?.start, shown[1]?.end)).toMatch(/^In March 2021 .* them\.$/)
    const quote = shown[1]?.evidence[0]
    expect(CONTEXT.slice(quote?.start, quote?.end)).toBe('Acme bought 1,200 boats in March 2021.')
    expect(reason).toContain('1 of 2 claims unsupported')
  })

  test.each([
    ['no context', 'Acme bought boats.', [' ', ''], /no context/],
    ['a context without words', 'Acme bought boats.', ['…'], /no words/],
    ['a refusal', 'I am unable to answer based on the given passages.', [CONTEXT], /cannot answer/],
    ['no claim', 'Yes.', [CONTEXT], /claims nothing|is it/],
    ['an answer too long to read', 'a'.repeat(LIMITS.answerCharacters + 1), [CONTEXT], /at most 20000/],
    ['a context too long to read', 'Acme.', ['a'.repeat(LIMITS.contextCharacters + 1)], /at most 400000/],
    ['too many claims', 'Acme bought boats. '.repeat(LIMITS.claims + 1), [CONTEXT], /Longer than/],
  ])('abstains for %s', async (_, output, contexts, why) => {
    const outcome = await score(output === 'Yes.' ? 'It is so.' : output, contexts)

    expect(outcome).toEqual({ outcome: 'abstained', reason: expect.stringMatching(why) })
  })

  test('a refusal beside a claim is left out and the claim is judged', async () => {
    const { details } = scored(
      await score('Acme bought 1,200 boats in March 2021. The passages do not mention why.'),
    )

    expect(details).toMatchObject({ claims: 1, refusals: 1 })
  })

  test('refuses settings nobody knows', () => {
    const { settings } = grounded

    expect(settings.safeParse({ treshold: 0.5 }).success).toBe(false)
    expect(settings.safeParse({ task: 'poetry' }).success).toBe(false)
  })

  test('a detector that is sure moves the answer, and sees each claim beside its evidence', async () => {
    const reading = await readingOf(CONTEXT, 'Acme bought 1,200 boats in March 2021.')
    const seen: object[] = []
    const detector = (probability: number): Detector => ({
      name: 'test',
      supports: async (pairs) => {
        seen.push(...pairs)
        return pairs.map(() => probability)
      },
    })
    const judge = async (given: Detector | null) =>
      (await judgeReading(reading, { model: FITTED.model, task: 'any', detector: given, signal })).score

    const [alone, against, fore] = [await judge(null), await judge(detector(0)), await judge(detector(1))]

    expect(against).toBeLessThan(alone)
    expect(fore).toBeGreaterThan(against)
    expect(seen[0]).toEqual({
      claim: 'Acme bought 1,200 boats in March 2021.',
      evidence: 'Acme bought 1,200 boats in March 2021.',
    })
  })
})

describe('the score of an answer', () => {
  test('of one claim is the claim’s own log-odds, of several the product of their probabilities', () => {
    expect(answerScore([1.3])).toBeCloseTo(1.3, 9)
    // ½ · ½ = ¼, whose odds are 1 to 3.
    expect(answerScore([0, 0])).toBeCloseTo(-Math.log(3), 9)
    expect(answerScore([0, 40])).toBeCloseTo(0, 9)
  })

  test.each([[[900]], [[-900]], [[900, 900]], [Array(100).fill(-50)]])('stays finite', (logits) => {
    expect(Number.isFinite(answerScore(logits))).toBe(true)
  })

  test('is scaled to a probability that takes back some of what many claims cost', () => {
    const calibration = { slope: 1, offset: 0, perClaim: 0.5 }

    expect(calibrated(calibration, 0, 1)).toBe(0.5)
    expect(calibrated(calibration, -1, 4)).toBeGreaterThan(calibrated(calibration, -1, 1))
  })
})

describe('the weights that ship', () => {
  test('are what the fit wrote: digest, features in order, no weight below 0, no number that is none', () => {
    expect(digestOf(FITTED)).toBe(FITTED.digest)
    expect(FITTED.features).toEqual(FEATURES)
    for (const { weights, intercept, calibrations } of [FITTED.model, ...Object.values(FITTED.folds)]) {
      expect(weights).toHaveLength(FEATURES.length)
      expect(weights.every((weight) => weight >= 0)).toBe(true)
      expect(Number.isFinite(intercept)).toBe(true)
      for (const { slope } of Object.values(calibrations)) expect(slope).toBeGreaterThan(0)
    }
  })

  test('judge a set they were fitted on by weights that never saw it, and any other by the whole', () => {
    const [known] = FITTED.sets

    expect(modelFor(known?.set ?? '', FITTED)).toEqual({
      model: FITTED.folds[known?.set ?? ''],
      isFold: true,
    })
    expect(modelFor('my-own', FITTED)).toEqual({ model: FITTED.model, isFold: false })
    expect(modelFor('constructor', FITTED).isFold).toBe(false)
  })
})
