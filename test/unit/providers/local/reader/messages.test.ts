import { expect, test } from 'vitest'
import { readMessages } from '../../../../../src/providers/local/reader/messages.ts'

const user = (text: string) => ({ role: 'user', text })
const system = (text: string) => ({ role: 'system', text })

test('numbered sources in the system message are the blocks; its instructions are not', () => {
  const task = readMessages([system('Answer from the sources.\n[1] Shoes.\n[2] Hats.'), user('Which?')])

  expect(task).toEqual({
    question: 'Which?',
    blocks: [
      { number: 1, text: 'Shoes.' },
      { number: 2, text: 'Hats.' },
    ],
  })
})

test('a Question: line splits the last message', () => {
  const task = readMessages([user('Context:\n[4] aa bb.\n\nQuestion: Who?\nAnswer:')])

  expect(task).toEqual({ question: 'Who?', blocks: [{ number: 4, text: 'aa bb.' }] })
})

test('text before the last question of a plain message is its context', () => {
  const task = readMessages([user('Shoes may be returned within 30 days. Can I return shoes?')])

  expect(task).toEqual({
    question: 'Can I return shoes?',
    blocks: [{ number: 1, text: 'Shoes may be returned within 30 days.' }],
  })
})

test('what the caller says of themselves is not added to a numbered source', () => {
  const task = readMessages([user('[1] aa\n\nI am new here. Can I?')])

  expect(task).toEqual({ question: 'Can I?', blocks: [{ number: 1, text: 'aa' }] })
})

test('answers and earlier questions of the conversation are never quoted', () => {
  const task = readMessages([
    system('Handbook.'),
    user('First?'),
    { role: 'assistant', text: 'No.' },
    user('Second?'),
  ])

  expect(task).toEqual({ question: 'Second?', blocks: [{ number: 1, text: 'Handbook.' }] })
})

test('no messages and empty messages give neither question nor blocks', () => {
  expect(readMessages([])).toEqual({ question: '', blocks: [] })
  expect(readMessages([user('')])).toEqual({ question: '', blocks: [] })
})
