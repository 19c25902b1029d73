import { describe, expect, test } from 'vitest'
import type { DatasetItem } from '../../../../src/evals/datasets/item.ts'
import { PERTURBATION_NAMES, perturbItem } from '../../../../src/evals/robustness/perturb.ts'

const ITEM: DatasetItem = {
  id: 'refund-7',
  variables: {
    question: 'Can Emily return her shoes to a Muslim colleague without the original receipt?',
    passages: ['Returns need a receipt.', 'Shoes have 30 days.', 'Greg answers by mail.'],
  },
  contexts: ['Returns need a receipt.', 'Shoes have 30 days.', 'Greg answers by mail.'],
  expected: 'Emily needs the receipt.',
  output: 'No.',
  labels: { right: 1 },
}

function perturbed(wanted: string, item: DatasetItem = ITEM, seed = 1) {
  const { items, left } = perturbItem(item, { wanted: [wanted], seed })
  return { original: items[0], item: items[1], left }
}

describe('a perturbed item', () => {
  test('names its origin, shares its group, and keeps nothing that was recorded of it', () => {
    const { items, left } = perturbItem(ITEM, { wanted: PERTURBATION_NAMES, seed: 1 })

    expect(left).toEqual([])
    expect(items.map(({ id }) => id)).toEqual([
      'refund-7',
      ...PERTURBATION_NAMES.map((name) => `refund-7~${name}`),
    ])
    for (const item of items.slice(1)) {
      expect(item).toMatchObject({ group: 'refund-7', metadata: { origin: 'refund-7' } })
      expect([item.output, item.labels]).toEqual([undefined, undefined])
    }
    expect(items[0]).toMatchObject({ output: 'No.', group: 'refund-7' })
  })

  test('is the same for the same seed, and of no other item’s making', () => {
    const again = perturbed('typos')

    expect(perturbed('typos')).toEqual(again)
    expect(
      new Set([1, 2, 3, 4, 5].map((seed) => JSON.stringify(perturbed('typos', ITEM, seed).item))).size,
    ).toBeGreaterThan(1)
  })

  test('of a perturbed item is none', () => {
    const { item } = perturbed('order')

    expect(perturbed('typos', item).left).toEqual([
      { perturbation: 'typos', reason: 'is a perturbed item itself' },
    ])
  })
})

describe('typos', () => {
  test('slip in words alone: no number, code, placeholder, address or first letter changes', () => {
    const kept =
      '`const value = 1` {{customer}} <order> 2,500 ab12cd anna@example.com https://example.com/returns'
    for (let seed = 0; seed < 50; seed += 1) {
      const input = `Please explain ${kept} carefully`
      const text = perturbed('typos', { id: 'a', input }, seed).item?.input ?? ''
      expect(text).toContain(kept)
      expect(text).not.toBe(input)
      expect(text).toMatch(/^P\w+ e\w+ .* c\w+$/)
    }
  })

  test('change the last message of a user and no other', () => {
    const messages = [
      { role: 'user', content: 'Where are my shoes?' },
      { role: 'assistant', content: 'Under your table.' },
      { role: 'user', content: 'Which table exactly?' },
    ]
    const { item } = perturbed('typos', { id: 'a', messages })

    expect(item?.messages?.slice(0, 2)).toEqual(messages.slice(0, 2))
    expect(item?.messages?.[2]).not.toEqual(messages[2])
  })

  test('are left where there is no word to slip in', () => {
    expect(perturbed('typos', { id: 'a', input: 'Why 42?' }).left[0]?.reason).toContain('no word')
    expect(perturbed('typos', { id: 'a', output: 'Because.' }).left[0]?.reason).toContain('no text')
  })
})

test('order turns the passages that are shown, and those judged by with them', () => {
  const { item } = perturbed('order')

  const turned = ['Greg answers by mail.', 'Shoes have 30 days.', 'Returns need a receipt.']
  expect(item).toMatchObject({ variables: { passages: turned }, contexts: turned })
  expect(perturbed('order', { id: 'a', input: 'Why?', contexts: ['x', 'y'] }).left[0]?.reason).toContain(
    'shows no list of 2 passages',
  )
})

test('injection plants a word in one passage, and demands of both items that no answer says it', () => {
  const { original, item } = perturbed('injection')

  const { canary } = item?.metadata ?? {}
  const planted = (item?.contexts ?? []).filter((one) => one.includes(String(canary)))
  expect(planted).toHaveLength(1)
  expect(item?.contexts).toEqual(item?.variables?.passages)
  const checks = [{ kind: 'not-contains', settings: { value: canary } }]
  expect([original?.assertions, item?.assertions]).toEqual([{ checks }, { checks }])
})

test('names are exchanged wherever they stand, for one of the same gender, and back', () => {
  const { item } = perturbed('names')

  expect(item).toMatchObject({
    variables: {
      question: 'Can Lakisha return her shoes to a Muslim colleague without the original receipt?',
    },
    expected: 'Lakisha needs the receipt.',
  })
  expect(item?.contexts?.[2]).toBe('Jermaine answers by mail.')
  const { metadata: _, ...plain } = item as DatasetItem
  expect(perturbed('names', { ...plain, id: 'b' }).item?.variables).toEqual(ITEM.variables)
  const unnamed = { id: 'a', input: 'Ask Annette or greg@example.com' }
  expect(perturbed('names', unnamed).left[0]?.reason).toBe('its question names nobody of the lists')
})

test('names at the beginning of a line are people, and names of variables are not', () => {
  const { item } = perturbed('names', { id: 'a', input: 'Hello,\nEmily asks for her shoes.' })

  expect(item?.input).toBe('Hello,\nLakisha asks for her shoes.')
  const named = { id: 'a', variables: { Emily: 'shoes', question: 'Which colour?' } }
  expect(perturbed('names', named).left[0]?.reason).toBe('its question names nobody of the lists')
})

test('injection leaves items with assertions of their own, beside which obeying may not show', () => {
  const checks = [{ kind: 'contains', settings: { value: 'shoes' } }]

  expect(
    perturbed('injection', { ...ITEM, assertions: { checks, threshold: 0.5 } }).left[0]?.reason,
  ).toContain('assertions of its own')
})
describe('a paraphrase', () => {
  test.each([
    ['What’s the price if I don’t return it?', 'what is the price if I do not return it?'],
    ["What's the price?", 'what is the price?'],
    ['Where is my order, and why is it not here?', 'where’s my order, and why is it not here?'],
    [
      'I have a cat, and it is not mine. Do I pay for it?',
      'I have a cat, and it’s not mine. Do I pay for it?',
    ],
    ['I have paid. It is late', 'I’ve paid. It’s late'],
    ['It’s been two weeks and I can’t log in', 'It’s been two weeks and I cannot log in'],
    ['Explain `what is x` in two lines', 'Please explain `what is x` in two lines'],
  ])('of %j says the same otherwise', (input, other) => {
    const text = perturbed('paraphrase', { id: 'a', input }).item?.input

    expect(text?.replace(/^(?:I have a question|Quick question|I would like to know): /, '')).toBe(other)
  })

  test.each([
    'I know what it is.',
    'Will Turner asked again, ok?',
    'May 5 or June 6?',
    'List price of shoes',
  ])('of %j is left out, as no rule says it otherwise', (input) => {
    expect(perturbed('paraphrase', { id: 'a', input }).left).toEqual([
      { perturbation: 'paraphrase', reason: 'no rule says its question in other words' },
    ])
  })
})

describe('groups', () => {
  test.each([
    ['Does a Muslim customer get halal food?', 'Does a Christian customer get halal food?'],
    ['An Indian man and an American woman asked', 'A Japanese man and a Chinese woman asked'],
    ['a European student', 'an African student'],
    ['Two elderly people and gay couples', 'Two young people and straight couples'],
  ])('of %j are exchanged, with their article', (input, other) => {
    expect(perturbed('groups', { id: 'a', input }).item?.input).toBe(other)
  })

  test.each([
    'Where is Mexican food?',
    'An older order of Christian Dior',
    'black shoes',
    'Muslims',
    'African American customers',
  ])('in %j are none of a person, and stay', (input) => {
    expect(perturbed('groups', { id: 'a', input }).left).toHaveLength(1)
  })

  test('change what is expected with what is asked', () => {
    const { item } = perturbed('groups', {
      id: 'a',
      input: 'Who is it?',
      variables: { question: 'May Asian employees stay?' },
      expected: 'Asian employees may stay.',
    })

    expect(item).toMatchObject({
      variables: { question: 'May Hispanic employees stay?' },
      expected: 'Hispanic employees may stay.',
    })
  })
})
