import { describe, expect, test } from 'vitest'
import { Budget } from '../../../../src/evals/runs/budget.ts'

describe('a budget', () => {
  test('lets one call go alone until it is known what one costs', () => {
    const budget = new Budget(1_000n)

    expect(budget.reserve()).toBeNull()
    expect(budget.reserve()).toMatch(/known with the first one/)
    budget.settle('100', true)
    expect(budget.reserve()).toBeNull()
    expect(budget.reserve()).toBeNull()
  })

  test('counts what is under way, each at the mean so far, so that the cap is not passed', () => {
    const budget = new Budget(1_000n)
    budget.spent(600n, 6)
    const reserved = Array.from({ length: 6 }, () => budget.reserve())

    expect(reserved.filter((one) => one === null).length).toBe(4)
    expect(reserved[4]).toMatch(/budget of \$0\.001 is spent: \$0\.0006 of it on 6 answers/)
  })

  test('says whether it can spend as it would refuse, and reserves nothing by saying so', () => {
    const budget = new Budget(1_000n)
    const said = [budget.canSpend(), budget.canSpend(), budget.reserve() === null, budget.canSpend()]
    budget.settle('600', true)

    expect(said).toEqual([true, true, true, false])
    expect([budget.canSpend(), budget.reserve() === null]).toEqual([false, false])
    expect(new Budget(null).canSpend()).toBe(true)
  })

  test('is asked in turn where calls may still cost less than feared, and has its last word when none is under way', async () => {
    const budget = new Budget(900n)
    const told: string[] = []
    const ask = (name: string) =>
      budget.reserveInTurn().then((refused) => void told.push(`${name} ${refused === null}`))
    const all = ['one', 'two', 'three', 'four'].map(ask)
    await Promise.resolve()
    budget.settle('400', true)
    await all[1]
    const between = [...told]
    budget.settle('400', true)
    await Promise.all(all)

    expect(between).toEqual(['one true', 'two true'])
    expect(told).toEqual(['one true', 'two true', 'three false', 'four false'])
  })

  test('without a cap never refuses, and answers of unknown price do not matter to it', () => {
    const budget = new Budget(null)
    budget.reserve()
    budget.settle(null, true)

    expect(budget.reserve()).toBeNull()
  })

  test('with a cap refuses after an answer of unknown price: what cannot be counted cannot be held', () => {
    const budget = new Budget(1_000n)
    budget.reserve()
    budget.settle(null, true)

    expect(budget.reserve()).toMatch(/no known price/)
  })

  test('of nothing refuses the first call, but answers that cost nothing never use one up', () => {
    const free = new Budget(1n)
    for (let call = 0; call < 100; call += 1) {
      expect(free.reserve()).toBeNull()
      free.settle('0', true)
    }

    expect(new Budget(0n).reserve()).toMatch(/is spent/)
  })
})
