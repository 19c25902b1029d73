import { describe, expect, test } from 'vitest'
import { askedQuestion } from '../../../src/lib/asked-question.ts'

const chat = (...messages: object[]) => ({ messages }) as Parameters<typeof askedQuestion>[0]

describe('the question of a request', () => {
  test('is the variable that the release names', () => {
    const parsed = { prompt: { variables: { question: 'Shoes?', other: 'x' } } }

    expect(askedQuestion(parsed, 'chat', 'question')).toBe('Shoes?')
    expect(askedQuestion(parsed, 'chat', 'nothing')).toBe(null)
  })

  test('is the last message of a user where the release names none', () => {
    const parsed = chat(
      { role: 'user', content: 'Boots?' },
      {
        role: 'user',
        content: [{ type: 'text', text: 'Shoes?' }, { type: 'image_url' }, { text: 'Red ones.' }],
      },
      { role: 'assistant', content: 'Yes.' },
    )

    expect(askedQuestion(parsed, 'chat', null)).toBe('Shoes?\nRed ones.')
    expect(askedQuestion({ input: 'Shoes?' }, 'responses', null)).toBe('Shoes?')
  })

  test.each([
    ['no body of either kind', {}],
    ['a variable that is no text', { prompt: { variables: { question: 7 } } }],
    ['blanks', { prompt: { variables: { question: ' \n' } } }],
    ['a prompt that is none', { prompt: 'x' }],
  ])('is not there in %s', (_case, parsed) => {
    expect(askedQuestion(parsed, 'chat', 'question')).toBe(null)
    expect(askedQuestion({}, 'chat', null)).toBe(null)
  })

  test('is the beginning of a long text', () => {
    const parsed = { prompt: { variables: { question: 'x'.repeat(9_000) } } }

    expect(askedQuestion(parsed, 'chat', 'question')).toHaveLength(8_000)
  })
})
