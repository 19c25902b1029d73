/** Counting tokens: near what the shipped model's own tokenizer counts, and a sum over words. */

import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { AutoTokenizer, env } from '@huggingface/transformers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chunkText } from '../../../../src/retrieval/chunking/chunk-text.ts'
import { chunkerSettings } from '../../../../src/retrieval/chunking/settings.ts'
import { countTokens } from '../../../../src/retrieval/chunking/tokens.ts'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

test('is near the tokenizer of the shipped model on the project’s own documents, and rarely below', async () => {
  env.allowRemoteModels = false
  env.localModelPath = `${ROOT}/models/`
  const tokenizer = await AutoTokenizer.from_pretrained('static-minilm')
  const text = globSync('{*.md,docs/**/*.md}', { cwd: ROOT })
    .toSorted()
    .map((path) => readFileSync(`${ROOT}/${path}`, 'utf8'))
    .join('\n\n')
  const chunks = chunkText(text, chunkerSettings.parse({}))

  const ratios = chunks
    .map((chunk) => ({
      estimate: countTokens(chunk.text),
      tokens: tokenizer.encode(chunk.text, { add_special_tokens: false }).length,
    }))
    .filter(({ estimate }) => estimate > 100)
    .map(({ estimate, tokens }) => estimate / tokens)
    .toSorted((left, right) => left - right)

  expect(ratios.length).toBeGreaterThan(100)
  expect(ratios[0]).toBeGreaterThan(0.88)
  expect(ratios[Math.floor(ratios.length / 2)]).toBeGreaterThan(1)
  expect(ratios.at(-1)).toBeLessThan(1.35)
})

test('of a text is no more than of its words together, and of blanks is nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 20 }), (words) => {
      const together = countTokens(words.join(' '))
      const apart = words.reduce((sum, word) => sum + countTokens(word), 0)

      expect(together).toBeLessThanOrEqual(apart)
    }),
  )
  expect(countTokens(' \n\u3000\t')).toBe(0)
})

test.each([
  ['word', 1],
  ['a b c', 3],
  ['internationalisation', 7],
  ['3.14', 3],
  ['2026', 3],
  ['漢字', 2],
  ['한국', 4],
  ['', 0],
])('counts %j as %i', (text, tokens) => {
  expect(countTokens(text)).toBe(tokens)
})
