/** A judge of how the facts of an answer relate to what the item expects. */

import { z } from 'zod'
import { expectedTexts } from '../expected.ts'
import { share } from '../outcome.ts'
import type { ScorerKind } from '../scorer.ts'
import { textSetting, thresholdSetting } from '../settings.ts'
import { askStructured, unjudged } from './ask-structured.ts'
import { emptyAnswer, judgeDetails, judgeSettings, questionBlock, told } from './judge.ts'
import { FACTUALITY } from './prompts/factuality.ts'
import { FRAME } from './prompts/frame.ts'
import { versionWith } from './prompts/judge-prompt.ts'
import { REPAIR } from './prompts/repair.ts'

/** As autoevals counts them (templates/factuality.yaml); promptfoo gives all but D a 1. */
const AUTOEVALS = { subset: 0.4, superset: 0.6, agree: 1, disagree: 0, differ: 1 }
const RELATIONS = { A: 'subset', B: 'superset', C: 'agree', D: 'disagree', E: 'differ' } as const

const counted = (relation: keyof typeof AUTOEVALS, what: string) =>
  z.number().min(0).max(1).default(AUTOEVALS[relation]).describe(`value of ${what}`)

const settings = z.strictObject({
  ...judgeSettings,
  value: textSetting,
  subset: counted('subset', 'A, all of it is right and some is missing'),
  superset: counted('superset', 'B, all is there and more that contradicts nothing'),
  agree: counted('agree', 'C, the same facts'),
  disagree: counted('disagree', 'D, a contradiction'),
  differ: counted('differ', 'E, differences that do not matter'),
  threshold: thresholdSetting,
})

export const factuality: ScorerKind<z.output<typeof settings>> = {
  kind: 'factuality',
  version: versionWith(1, FRAME, REPAIR, FACTUALITY),
  summary:
    'How the facts of the answer relate to what is expected, as a model judges: subset, superset, same, contradiction, or no difference that matters.',
  source:
    'openai/evals (modelgraded fact); autoevals, https://github.com/braintrustdata/autoevals (Factuality), whose values are the usual ones. promptfoo (factuality): subset and superset are 1 there.',
  traps:
    'Against what is expected, not against the world: more than that is B, right or invented. The values are a convention, so a mean mixes kinds of answers: read the counts of the relations too. Several expected texts: any of them. Long answers are seldom anything but B. An empty answer abstains.',
  values: 'share',
  better: 'higher',
  judge: true,
  settings,
  prepare(given) {
    return async (sample, signal, tools) => {
      const nothing = emptyAnswer(sample)
      if (nothing !== null) return nothing
      const expected = expectedTexts(sample, given.value)
      if ('outcome' in expected) return expected
      const judged = await askStructured({ judge: given, tools, signal }, FACTUALITY, [
        ...questionBlock(sample),
        ...expected.texts.map((text, at) => ({ what: `reference ${at + 1}`, text })),
        { what: 'answer', text: sample.output },
      ])
      if (judged.kind !== 'read') return unjudged(judged)
      const { relation, reason } = judged.answer
      const name = RELATIONS[relation]
      const details = judgeDetails(given, judged.repaired, { relation: name })
      return share(given[name], given.threshold, `${relation}, ${name}: ${told(reason)}`, details)
    }
  },
}
