import { beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import type { OwnPrice } from '../../../src/registry/prices/price.ts'
import { compilePrices, resolvePrice } from '../../../src/registry/prices/price-book.ts'
import { shippedPrices } from '../../../src/registry/prices/price-list.ts'
import { type NewPrice, setPrice } from '../../../src/registry/prices/set-price.ts'
import { findOwnPrice, listOwnPrices, listPriceRows } from '../../../src/registry/prices/store.ts'
import { priceFromData, priceToData } from '../../../src/registry/releases/price-data.ts'
import { describeDatabases } from '../../support/database.ts'

const ada = { id: 'vk_ada', name: 'ada', projectId: 'prj_default', person: 'vk_ada' }
const stranger = { id: 'vk_else', name: 'else', projectId: 'prj_other', person: 'vk_else' }
const NOW_MS = Date.parse('2026-11-23T12:00:00.500Z')
const MINI = {
  upstream: 'openai',
  dialect: 'openai',
  baseUrl: 'https://api.openai.com/v1',
  model: 'gpt-4o-mini',
}
const UNKNOWN = {
  input: null,
  cachedInput: null,
  cacheWrite: null,
  output: null,
  reasoning: null,
  perImage: null,
  perRequest: null,
}
/** A price without figures. */
const NONE = { ...UNKNOWN, batchInput: null, batchCachedInput: null, batchOutput: null }

describeDatabases('prices', (open) => {
  beforeEach(() => open().truncate())

  const set = (wanted: Partial<NewPrice> = {}, actor = ada) =>
    setPrice({ db: open().db, clock: systemClock }, actor, {
      upstream: MINI.upstream,
      model: MINI.model,
      source: 'contract 7',
      validFromMs: NOW_MS,
      figures: { ...NONE, input: 100_000n },
      ...wanted,
    })
  const own = (atMs: number, projectId = 'prj_default') =>
    findOwnPrice(open().db, projectId, { ...MINI, at: new Date(atMs) })

  test('come back to the micro-USD and the millisecond, with what is unknown', async () => {
    const row = await set({ figures: { ...NONE, input: 1n, output: 999_999_999_999n, perRequest: 0n } })

    expect(await own(NOW_MS)).toEqual({
      ...UNKNOWN,
      id: row.id,
      upstream: 'openai',
      model: 'gpt-4o-mini',
      source: 'contract 7',
      validFromMs: NOW_MS,
      input: 1n,
      output: 999_999_999_999n,
      perRequest: 0n,
      tiers: [],
    })
  })

  test('keep what requests in batches cost, and the compiled book has it too', async () => {
    const row = await set({ figures: { ...NONE, input: 10n, batchInput: 5n, batchOutput: 7n } })
    const batch = { input: 5n, cachedInput: null, cacheWrite: null, output: 7n, reasoning: null }

    const [kept] = await listOwnPrices(open().db, { after: '', limit: 10 })

    expect(await own(NOW_MS)).toMatchObject({ id: row.id, input: 10n, batch })
    expect(priceFromData(priceToData('prj_default', kept!.price))).toEqual(kept!.price)
    expect(kept?.price.batch).toEqual(batch)
  })

  test('hold from their time on, until the next one begins, whatever order they were set in', async () => {
    const later = await set({ validFromMs: NOW_MS + 1000 })
    const first = await set()

    expect(await own(NOW_MS - 1)).toBeNull()
    expect((await own(NOW_MS))?.id).toBe(first.id)
    expect((await own(NOW_MS + 999))?.id).toBe(first.id)
    expect((await own(NOW_MS + 1000))?.id).toBe(later.id)
  })

  test('are corrected by another one that begins at the same time', async () => {
    await set()

    const corrected = await set({ figures: { ...NONE, input: 5n } })

    expect((await own(NOW_MS))?.id).toBe(corrected.id)
  })

  test('win over the shipped list from their time on, and the compiled book says the same', async () => {
    const row = await set()
    const rows = await readAll()
    const book = compilePrices(rows, shippedPrices)

    for (const [atMs, id] of [
      [NOW_MS - 1, null],
      [NOW_MS, row.id],
    ] as const) {
      const resolved = resolvePrice(rows, shippedPrices, { ...MINI, atMs })
      expect(resolved?.id).toBe(id)
      expect(book.priceOf(MINI, atMs)).toEqual(resolved)
    }
    expect(book.priceOf(MINI, NOW_MS - 1)?.source).toContain('@pydantic/genai-prices')
  })

  test('of another project are not there', async () => {
    await set({}, stranger)

    expect(await own(NOW_MS)).toBeNull()
    expect(await list()).toEqual([])
    expect((await own(NOW_MS, 'prj_other'))?.source).toBe('contract 7')
  })

  test('are listed as they were set, the last one first, by upstream and model, page by page', async () => {
    const first = await set()
    const second = await set({ model: 'gpt-4o' })
    const third = await set({ upstream: 'azure' })

    expect(await list()).toEqual([third.id, second.id, first.id])
    expect(await list({ upstream: 'openai' })).toEqual([second.id, first.id])
    expect(await list({ model: 'gpt-4o-mini' })).toEqual([third.id, first.id])
    expect(await list({ limit: 2 })).toEqual([third.id, second.id])
    expect(await list({ before: second.id })).toEqual([first.id])
    expect((await listOwnPrices(open().db, { after: first.id, limit: 1 }))[0]?.price.id).toBe(second.id)
  })

  test('without any figure are refused: they would say nothing', async () => {
    await expect(set({ figures: NONE })).rejects.toMatchObject({ code: 'invalid_value' })
  })

  test('are never changed, removed or emptied away, also by SQL', async () => {
    const { sql } = open()
    await set()

    await expect(sql`UPDATE prices SET input = 0`).rejects.toThrow('never changed or removed')
    await expect(sql`DELETE FROM prices`).rejects.toThrow('never changed or removed')
    await expect(sql`TRUNCATE prices`).rejects.toThrow('never changed or removed')
    expect((await own(NOW_MS))?.input).toBe(100_000n)
  })

  async function list(query: Partial<Parameters<typeof listPriceRows>[2]> = {}): Promise<string[]> {
    const all = { upstream: null, model: null, before: null, limit: 200, ...query }
    return (await listPriceRows(open().db, 'prj_default', all)).map(({ id }) => id)
  }

  async function readAll(): Promise<OwnPrice[]> {
    return (await listOwnPrices(open().db, { after: '', limit: 1000 })).map(({ price }) => price)
  }
})
