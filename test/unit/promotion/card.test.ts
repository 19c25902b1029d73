import { expect, test } from 'vitest'
import { type Card, cardMarkdown } from '../../../src/promotion/cards/card.ts'

const CARD: Card = {
  route: 'support-answer',
  release: 'r12',
  hash: 'a'.repeat(64),
  made_at: '2026-11-28T12:00:00.000Z',
  made_by: 'ada',
  purpose: 'Answers from the handbook.',
  owner: null,
  ingredients: [{ kind: 'prompt', name: 'support-answer@14', hash: 'b'.repeat(64) }],
  variables: null,
  parameters: { temperature: 0 },
  retrieval: null,
  models: [
    {
      version: 'small@3',
      upstream: 'openai',
      model: 'gpt-4o-mini',
      weight: null,
      licence: null,
      context_window: 128_000,
      max_output_tokens: null,
      capabilities: { vision: false, tools: true },
      notes: null,
      price: { input: '0.15', output: null, source: 'a list' },
    },
  ],
  labels: ['production'],
  history: [
    {
      label: 'production',
      to: 'r12',
      at: '2026-11-28T13:00:00.000Z',
      by: 'grace',
      reason: 'better',
      decision: 'dec_1',
    },
  ],
}

test('a card says what is known, and of the rest that it is unknown', () => {
  const page = cardMarkdown(CARD)

  expect(page).toContain('# support-answer r12\n')
  expect(page).toContain('- **Owner**: unknown')
  expect(page).toContain(
    '| small@3 | openai/gpt-4o-mini | unknown | 128000 | unknown | $0.15 / unknown | a list |',
  )
  expect(page).toContain('- small@3: cannot do vision')
  expect(page).toContain('| 2026-11-28T13:00:00.000Z | production | grace | better | dec_1 |')
})

test('no text of a person ends its place in the page', () => {
  const reason = 'fine |\n\n# Approved\n<script>alert(1)</script>'
  const [move] = CARD.history
  const page = cardMarkdown({ ...CARD, history: [{ ...(move as NonNullable<typeof move>), reason }] })

  expect(page).toContain('| fine \\| # Approved &lt;script>alert(1)&lt;/script> |')
  expect(page.split('\n').filter((line) => line.startsWith('# '))).toEqual(['# support-answer r12'])
})
