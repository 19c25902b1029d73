import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { CLAIMS } from '../../../../../src/evals/scorers/judges/prompts/claims.ts'
import { CLOSED_QA } from '../../../../../src/evals/scorers/judges/prompts/closed-qa.ts'
import { FACTUALITY } from '../../../../../src/evals/scorers/judges/prompts/factuality.ts'
import { FRAME } from '../../../../../src/evals/scorers/judges/prompts/frame.ts'
import {
  type JudgePrompt,
  type JudgeText,
  versionWith,
} from '../../../../../src/evals/scorers/judges/prompts/judge-prompt.ts'
import { NEEDED_SENTENCES } from '../../../../../src/evals/scorers/judges/prompts/needed-sentences.ts'
import { PAIRWISE } from '../../../../../src/evals/scorers/judges/prompts/pairwise.ts'
import { QUESTIONS } from '../../../../../src/evals/scorers/judges/prompts/questions.ts'
import { REPAIR } from '../../../../../src/evals/scorers/judges/prompts/repair.ts'
import { RUBRIC_SCALE } from '../../../../../src/evals/scorers/judges/prompts/rubric-scale.ts'
import { RUBRIC_YES_NO } from '../../../../../src/evals/scorers/judges/prompts/rubric-yes-no.ts'
import { VERIFY_CLAIMS } from '../../../../../src/evals/scorers/judges/prompts/verify-claims.ts'
import { sha256Hex } from '../../../../../src/lib/sha256.ts'

const TEXTS: readonly (JudgeText | JudgePrompt<unknown>)[] = [
  FRAME,
  REPAIR,
  RUBRIC_YES_NO,
  RUBRIC_SCALE,
  CLOSED_QA,
  FACTUALITY,
  CLAIMS,
  VERIFY_CLAIMS,
  QUESTIONS,
  NEEDED_SENTENCES,
  PAIRWISE,
]

/**
 * Of each version of each text, with the schema of its answer. A changed text gets a line more, and never another line: the
 * number of lines is its version.
 */
const HASHES: Readonly<Record<string, readonly string[]>> = {
  frame: ['7d389a1551b89d32519ee252e57c2b395afee3aa3324fc625c364a24e4b146cc'],
  repair: ['7d26c08560216e5787cd7627c1e459fc9b86b6cabe32d9a2587db406c04a3638'],
  'rubric-yes-no': ['67dc2fd85ce33c2923f43524f3fabf4cac29b003e70751e94bb96574285be95f'],
  'rubric-scale': ['c68efeb4e3be3a156f4811593738a82fad728dc83e7b2f07bb24d81a247973a8'],
  'closed-qa': ['169d711f5328d35cbdae0f4f3139ec691c36f15cfc55110b4564aabd918593fc'],
  factuality: ['24bd671a956c24c80b717a74ffdf3e715540dc4c593e47e1b4f7c7d617f29545'],
  claims: ['91afd9934541a2af0d6afbc506cccb2afd847f5fd7d69089941864cb67fb40cb'],
  'verify-claims': ['f66bb749742c73edb5c54e0000ede08e823ad1e4d151dc9e5b2aad0c2da996e0'],
  questions: ['7ed5ac75cd03faee14dca748252d5d14ed2b1f8a332a8ca96f24fadd71d23797'],
  'needed-sentences': ['d5fe6b5bf8b6cbe4de8f5113215af3ce70bb927677ce4701cd6717e9ad776a01'],
  pairwise: ['90a9daba344f00a94100f2a2eb27656632f2661175aef169c9915e4a81920d42'],
}

const hashOf = (one: JudgeText | JudgePrompt<unknown>) =>
  sha256Hex('answer' in one ? `${one.text}\n${JSON.stringify(z.toJSONSchema(one.answer))}` : one.text)

test.each(TEXTS.map((one) => [one.name, one] as const))(
  'the text of %s is the one that its version names',
  (name, one) => {
    expect(HASHES[name]?.length, 'one hash for each version').toBe(one.version)
    expect(HASHES[name]?.at(-1)).toBe(hashOf(one))
  },
)

test('every prompt of a judge is held so', () => {
  const folder = new URL('../../../../../src/evals/scorers/judges/prompts/', import.meta.url)
  const files = globSync('*.ts', { cwd: folder }).filter((file) => file !== 'judge-prompt.ts')

  expect(files.map((file) => file.replace(/\.ts$/, '')).toSorted()).toEqual(
    TEXTS.map(({ name }) => name).toSorted(),
  )
})

test('a kind counts up with each of its prompts', () => {
  expect(versionWith(1, { version: 1 }, { version: 1 })).toBe(1)
  expect(versionWith(1, { version: 3 }, { version: 1 })).toBe(3)
  expect(versionWith(2, { version: 3 }, { version: 2 })).toBe(5)
})

test('every kind that judges counts the frame and the repair among its prompts', () => {
  const folder = new URL('../../../../../src/evals/scorers/judges/', import.meta.url)
  const files = globSync('*.ts', { cwd: folder })
  const texts = files.map((file) => readFileSync(new URL(file, folder), 'utf8'))
  const asking = texts.filter((text) => /await askStructured\(|return askStructured\(/.test(text))

  expect(asking.length).toBe(7)
  for (const text of asking) {
    const used = [...text.matchAll(/import \{[^}]*?\b([A-Z_]{4,})\b[^}]*\} from '\.\/prompts\//g)].map(
      ([, name]) => name,
    )
    const counted = /versionWith\(1, ([A-Z_, ]+)\)/.exec(text)?.[1]?.split(', ')

    expect(counted?.toSorted()).toEqual(used.toSorted())
    expect(counted).toEqual(expect.arrayContaining(['FRAME', 'REPAIR']))
  }
})

test('the forms of answers hold nothing that upstreams of structured outputs refuse', () => {
  for (const one of TEXTS) {
    if (!('answer' in one)) continue
    const schema = JSON.stringify(z.toJSONSchema(one.answer))

    expect(schema).not.toMatch(/minimum|maximum|minLength|maxLength|minItems|maxItems|pattern|anyOf/)
    expect(schema).toContain('"additionalProperties":false')
  }
})
