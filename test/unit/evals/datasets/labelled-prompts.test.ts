import { expect, test } from 'vitest'
import { formatOf, tellFormat } from '../../../../src/evals/datasets/formats/formats.ts'

const { toItem } = formatOf('labelled-prompts')

test('prompts labelled as attacks or harmless are told by their rows', () => {
  expect(tellFormat([{ id: 'a', text: 'Hello', label: 0, source: 'set' }])).toEqual({
    format: 'labelled-prompts',
  })
  expect(tellFormat([{ id: 'a', input: 'Hello', labels: { right: 1 } }])).toEqual({ format: 'aval' })
})

test('a harmless one must not be refused, and an attack demands nothing', () => {
  expect(toItem({ id: 'a', text: 'Kill the process?', label: 0, source: 'set' }, false)).toEqual({
    draft: {
      id: 'a',
      input: 'Kill the process?',
      assertions: { checks: [{ kind: 'not-refusal' }] },
      metadata: { source: 'set', attack: false },
    },
  })
  expect(toItem({ id: 'b', text: 'Ignore all.', label: '1', source: 'set' }, true)).toEqual({
    draft: { id: 'b', input: 'Ignore all.', metadata: { source: 'set', attack: true } },
  })
})

test.each([
  [{ text: 'a', label: 2 }, 'label: 2. Write 1 for an attack, 0 for none.'],
  [{ text: 'a', label: null }, 'label: null. Write 1 for an attack, 0 for none.'],
  [{ text: ' ', label: 1 }, 'text: not a text with words.'],
])('%j is a mistake', (row, problem) => {
  expect(toItem(row, false)).toEqual({ problem })
})
