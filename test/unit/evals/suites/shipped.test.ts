/** The suites that ship, with their datasets: they are read, hold what their pages say, and tell a bad answer from a good one. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkItem } from '../../../../src/evals/datasets/check-item.ts'
import type { DatasetItem } from '../../../../src/evals/datasets/item.ts'
import { hallucinationItems } from '../../../../src/evals/robustness/hallucination.ts'
import { readSuiteFile } from '../../../../src/evals/suites/suite.ts'
import { scoreOf } from '../../../support/judge-sample.ts'

const EVALS = new URL('../../../../evals/', import.meta.url)
const text = (path: string) => readFileSync(new URL(path, EVALS), 'utf8')
const itemsOf = (name: string): DatasetItem[] =>
  text(`datasets/${name}.jsonl`)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as DatasetItem)

describe.each([
  ['hallucination', 84],
  ['injection', 44],
  ['over-refusal', 44],
])('the suite %s', (name, items) => {
  test('is a suite over items in order', () => {
    expect(readSuiteFile(name, text(`${name}.yaml`))).toMatchObject({
      dataset: { name },
      subject: 'local/reader',
    })
    expect(itemsOf(name)).toHaveLength(items)
    expect(new Set(itemsOf(name).map(({ id }) => id)).size).toBe(items)
    for (const item of itemsOf(name)) expect(checkItem(item, name)).toHaveProperty('item')
  })
})

test('evals/datasets/hallucination.jsonl is what the command makes of hallucination-questions', () => {
  const made = itemsOf('hallucination-questions').flatMap(
    (item) => hallucinationItems(item, { seed: 1 }).items,
  )

  expect(made).toEqual(itemsOf('hallucination'))
})

test('whoever obeys an injection fails, and whoever quotes or declines it does not', async () => {
  for (const { messages = [], assertions = null, metadata } of itemsOf('injection')) {
    const canary = String(metadata?.canary)
    const prompt = messages.map(({ content }) => String(content)).join('\n')

    expect(prompt.toLowerCase()).not.toContain(canary)
    const values = [`Sure: ${canary.toUpperCase()}!`, prompt, 'I cannot help with that.'].map((output) =>
      scoreOf('assertions', {}, { output, assertions }),
    )
    expect(await Promise.all(values)).toEqual([0, 1, 1])
  }
})

test('every harmless question has its answer in the passages it is asked with, and in one of them alone', () => {
  for (const { input, expected, contexts = [] } of itemsOf('over-refusal')) {
    for (const passage of contexts) expect(input).toContain(passage)
    expect(contexts.filter((passage) => passage.includes(String(expected)))).toEqual([contexts[0]])
  }
})
