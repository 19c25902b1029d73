import { describe, expect, test } from 'vitest'
import { readUsage } from '../../../src/gateway/usage.ts'
import type { JsonObject } from '../../../src/lib/json.ts'
import { toUsage as fromAnthropic } from '../../../src/providers/anthropic/usage.ts'
import { toUsage as fromGemini } from '../../../src/providers/gemini/usage.ts'
import { costOf } from '../../../src/registry/prices/cost.ts'
import { listedPriceAt, shippedPrices } from '../../../src/registry/prices/price-list.ts'

const AT_MS = Date.parse('2026-11-23T12:00:00Z')

/** Micro-USD of an answer with this usage at the shipped price. */
function cost(usage: JsonObject | null, dialect: string, baseUrl: string, model: string): bigint | null {
  const read = usage === null ? null : readUsage({ usage })
  const listed = shippedPrices({ dialect, baseUrl, model })
  const price = listed === null ? null : listedPriceAt(listed, AT_MS)
  return read === null || price === null ? null : costOf(read, price)
}

describe('the usage that an answer tells', () => {
  test('has parts for the cache and for audio only where they were told', () => {
    const plain = { prompt_tokens: 9, completion_tokens: 3 }

    expect(readUsage({ usage: plain })).toEqual({
      inputTokens: 9,
      outputTokens: 3,
      cachedInputTokens: null,
      reasoningTokens: null,
    })
    expect(
      readUsage({
        usage: {
          ...plain,
          prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 0, audio_tokens: 4 },
          completion_tokens_details: { audio_tokens: 1 },
        },
      }),
    ).toMatchObject({ cachedInputTokens: 2, cacheWriteTokens: 0, audioTokens: 5 })
  })

  test('of Claude is enough for what was read from and written to its cache', () => {
    const usage = fromAnthropic({
      input_tokens: 1000,
      output_tokens: 100,
      cache_read_input_tokens: 2000,
      cache_creation_input_tokens: 400,
    })

    const spent = cost(usage, 'anthropic', 'https://api.anthropic.com', 'claude-haiku-4-5')

    expect(spent).toBe(1000n + 200n + 500n + 500n)
  })

  test('of Gemini is enough without a count of cached tokens, which it leaves out when there are none', () => {
    const usage = fromGemini({ promptTokenCount: 1000, candidatesTokenCount: 100, thoughtsTokenCount: 50 })

    const spent = cost(usage, 'gemini', 'https://generativelanguage.googleapis.com', 'gemini-2.5-pro')

    expect(spent).toBe(1250n + 1500n)
  })

  test('of GPT is enough, and audio in it makes the cost unknown', () => {
    const usage = {
      prompt_tokens: 1000,
      completion_tokens: 100,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    }
    const spent = (told: JsonObject) => cost(told, 'openai', 'https://api.openai.com/v1', 'gpt-4o-mini')

    expect(spent(usage)).toBe(150n + 60n)
    expect(spent({ ...usage, completion_tokens_details: { audio_tokens: 7 } })).toBeNull()
  })
})
