/** Scorers that compare an answer with texts character by character. */

import { z } from 'zod'
import { isJsonObject, type JsonValue } from '../../lib/json.ts'
import { expectedTexts } from './expected.ts'
import { jsonIdentity, readIdentity } from './json-values.ts'
import { abstained, clip, MAX_ANALYSED_CHARS, quoted, tooLong, verdict } from './outcome.ts'
import type { Sample, ScoreOutcome, ScorerKind } from './scorer.ts'
import { textSetting } from './settings.ts'
import { withoutArticles } from './tokens.ts'

const valueSettings = z.strictObject({ value: textSetting })
type ValueSettings = z.output<typeof valueSettings>

const equalsSettings = z.strictObject({
  value: z.json().optional().describe('a text, a list of texts or any JSON; left out, what the item expects'),
  ignore_case: z.boolean().default(false).describe('compare in lower case'),
  trim: z.boolean().default(false).describe('leave out white space at both ends of either side'),
})

export const equals: ScorerKind<z.output<typeof equalsSettings>> = {
  kind: 'equals',
  version: 1,
  summary:
    'The answer is the expected text, or one of several; where JSON is expected, it parses to an equal value.',
  source: 'promptfoo (equals); OpenAI Evals API (string_check, `eq`).',
  traps:
    'One blank or line end too many fails: models add them, so consider `trim`. Characters are compared as written; an accent as a character of its own differs. A list of texts means any of them. An empty answer equals only an empty text.',
  values: 'binary',
  better: 'higher',
  settings: equalsSettings,
  prepare({ value, ignore_case: ignoreCase, trim }) {
    const form = (text: string) => {
      const trimmed = trim ? text.trim() : text
      return ignoreCase ? trimmed.toLowerCase() : trimmed
    }
    return (sample) => {
      const expected = (value as JsonValue | undefined) ?? sample.expected
      if (isJsonObject(expected) || (Array.isArray(expected) && expected.some(isStructure))) {
        return equalsJson(sample.output, expected)
      }
      const found = expectedTexts({ ...sample, expected }, undefined)
      if ('outcome' in found) return found
      const output = form(sample.output)
      const holds = found.texts.some((text) => form(text) === output)
      return verdict(holds, compared(sample.output, found.texts, holds ? 'equals' : 'does not equal'))
    }
  },
}

function isStructure(value: JsonValue): boolean {
  return typeof value === 'object'
}

function equalsJson(output: string, expected: JsonValue): ScoreOutcome {
  const answered = readIdentity(output)
  if ('outcome' in answered) return answered
  if ('problem' in answered) return verdict(false, `The answer is no JSON: ${answered.problem}`)
  const holds = answered.identity === jsonIdentity(expected)
  return verdict(holds, `The JSON of the answer ${holds ? 'equals' : 'does not equal'} the expected one.`)
}

/** What the members of the family differ in. */
type Containing = { kind: string; ignoreCase: boolean; needs: 'any' | 'all'; summary: string }

function containing({ kind, ignoreCase, needs, summary }: Containing): ScorerKind<ValueSettings> {
  const form = (text: string) => (ignoreCase ? text.toLowerCase() : text)
  return {
    kind,
    version: 1,
    summary,
    source: `promptfoo (${kind}).`,
    traps: `Finds characters, not words: "art" is in "start", and "not refundable" contains "refundable".${ignoreCase ? ' Case is folded by Unicode alone: "ß" is not "ss".' : ''} An empty answer contains nothing. An empty expected text abstains, as everything would contain it.`,
    values: 'binary',
    better: 'higher',
    settings: valueSettings,
    prepare: ({ value }) => {
      return (sample) => {
        const expected = expectedTexts(sample, value)
        if ('outcome' in expected) return expected
        if (expected.texts.includes(''))
          return abstained('An expected text is empty: everything contains it.')
        const output = form(sample.output)
        const missing = expected.texts.filter((text) => !output.includes(form(text)))
        const holds = needs === 'all' ? missing.length === 0 : missing.length < expected.texts.length
        const found = expected.texts.length - missing.length
        const details = { found, missing: missing.slice(0, 10).map((text) => clip(text, 200)) }
        return verdict(
          holds,
          `${found} of ${expected.texts.length} expected texts are in the answer.`,
          details,
        )
      }
    },
  }
}

export const contains = containing({
  kind: 'contains',
  ignoreCase: false,
  needs: 'any',
  summary: 'The expected text is somewhere in the answer.',
})
export const icontains = containing({
  kind: 'icontains',
  ignoreCase: true,
  needs: 'any',
  summary: 'The expected text is somewhere in the answer, in upper or lower case.',
})
export const containsAny = containing({
  kind: 'contains-any',
  ignoreCase: false,
  needs: 'any',
  summary: 'At least one of the expected texts is in the answer.',
})
export const containsAll = containing({
  kind: 'contains-all',
  ignoreCase: false,
  needs: 'all',
  summary: 'Every expected text is in the answer.',
})
export const icontainsAny = containing({
  kind: 'icontains-any',
  ignoreCase: true,
  needs: 'any',
  summary: 'At least one of the expected texts is in the answer, in upper or lower case.',
})
export const icontainsAll = containing({
  kind: 'icontains-all',
  ignoreCase: true,
  needs: 'all',
  summary: 'Every expected text is in the answer, in upper or lower case.',
})

/** What the comparisons of openai/evals and the prefix check share: one answer against any of several texts. */
function comparing(
  about: Pick<ScorerKind, 'kind' | 'summary' | 'source' | 'traps'>,
  words: string,
  holdsFor: (sample: Sample, texts: readonly string[]) => boolean | ScoreOutcome,
): ScorerKind<ValueSettings> {
  return {
    ...about,
    version: 1,
    values: 'binary',
    better: 'higher',
    settings: valueSettings,
    prepare: ({ value }) => {
      return (sample) => {
        const expected = expectedTexts(sample, value)
        if ('outcome' in expected) return expected
        const holds = holdsFor(sample, expected.texts)
        if (typeof holds !== 'boolean') return holds
        return verdict(holds, compared(sample.output, expected.texts, holds ? words : `not: ${words}`))
      }
    },
  }
}

export const startsWith = comparing(
  {
    kind: 'starts-with',
    summary: 'The answer begins with the expected text, or with one of several.',
    source: 'promptfoo (starts-with).',
    traps:
      'A leading blank, quote or "Sure, " fails. An empty expected text abstains, as everything begins with it.',
  },
  'begins with',
  ({ output }, texts) =>
    texts.includes('')
      ? abstained('An expected text is empty: everything begins with it.')
      : texts.some((text) => output.startsWith(text)),
)

export const match = comparing(
  {
    kind: 'match',
    summary: 'The answer begins with any of the ideal answers, with nothing changed on either side.',
    source: 'openai/evals, evals.elsuite.basic.match:Match.',
    traps:
      'As there, an answer that goes on matches too: the ideal "1" matches "10". An empty ideal answer matches everything.',
  },
  'begins with an ideal answer of',
  ({ output }, texts) => texts.some((text) => output.startsWith(text)),
)

export const includes = comparing(
  {
    kind: 'includes',
    summary: 'Any of the ideal answers is somewhere in the answer.',
    source: 'openai/evals, evals.elsuite.basic.includes:Includes.',
    traps:
      'Finds characters, not words. As there, an empty ideal answer is never included; `contains` abstains instead.',
  },
  'includes an ideal answer of',
  ({ output }, texts) => texts.some((text) => text !== '' && output.includes(text)),
)

export const fuzzyMatch = comparing(
  {
    kind: 'fuzzy-match',
    summary:
      'The answer contains an ideal answer or is contained in one, both in lower case, without ASCII punctuation and English articles.',
    source: 'openai/evals, evals.elsuite.basic.fuzzy_match:FuzzyMatch.',
    traps:
      'Contained either way and in the middle of words: "I" matches "Paris". Only English articles are left out. An empty answer matches only an ideal answer that is empty after normalisation. Longer than a million characters abstains.',
  },
  'matches after normalisation an ideal answer of',
  ({ output }, texts) => {
    if (output.length > MAX_ANALYSED_CHARS) return tooLong('The answer', output.length, MAX_ANALYSED_CHARS)
    const answer = withoutArticles(output)
    return texts.map(withoutArticles).some((ideal) => {
      if (answer === '' || ideal === '') return answer === ideal
      return answer.includes(ideal) || ideal.includes(answer)
    })
  },
)

function compared(output: string, texts: readonly string[], words: string): string {
  const shown = texts.length === 1 ? quoted(texts[0] ?? '') : `${texts.length} texts`
  return `The answer ${quoted(output)} ${words} ${shown}.`
}
