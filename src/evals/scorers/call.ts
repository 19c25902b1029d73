/** Scorers of the call itself: why the model stopped, how long it took, what it cost. */

import { z } from 'zod'
import { formatUsd, parseUsd } from '../../lib/money.ts'
import { abstained, failed, quoted, verdict } from './outcome.ts'
import type { ScorerKind } from './scorer.ts'
import { wrongSetting } from './settings.ts'

const name = z.string().min(1).max(100)

const finishSettings = z.strictObject({
  value: z
    .union([name, z.array(name).min(1)])
    .default('stop')
    .describe('the reason, or those that are all right'),
})

export const finishReason: ScorerKind<z.output<typeof finishSettings>> = {
  kind: 'finish-reason',
  version: 1,
  summary: 'The model stopped for an expected reason.',
  source: `OpenAI, chat completions (\`stop\`, \`length\`, \`tool_calls\`, \`content_filter\`); promptfoo (finish-reason).`,
  traps:
    'A model can stop by itself in the middle of a thought, and some upstreams say `stop` for everything. Unknown abstains. Says nothing about the text: an empty answer is judged like any other.',
  values: 'binary',
  better: 'higher',
  settings: finishSettings,
  prepare({ value }) {
    const expected = [value].flat()
    return ({ finishReason: reason }) => {
      if (reason === null) return abstained('Why the model stopped is not known.')
      return verdict(expected.includes(reason), `It stopped for ${quoted(reason)}.`)
    }
  },
}

const latencySettings = z.strictObject({
  max_ms: z.number().positive().optional().describe('passed up to that many milliseconds'),
})

export const latency: ScorerKind<z.output<typeof latencySettings>> = {
  kind: 'latency',
  version: 1,
  summary: 'Milliseconds from the request to the last byte.',
  source: 'promptfoo (latency).',
  traps:
    'Of one call on one machine at one hour: compare only runs made side by side. Grows with the length of the answer. Recorded answers that do not say abstain, and so do those taken over from an earlier run. An empty answer is judged like any other.',
  values: 'unbounded',
  better: 'lower',
  settings: latencySettings,
  prepare({ max_ms: maxMs }) {
    return ({ latencyMs, takenOver }) => {
      if (takenOver) {
        return abstained(
          'The answer was taken over from an earlier run, and says nothing of how long a call takes.',
        )
      }
      if (latencyMs === null) return abstained('How long the call took is not known.')
      const passed = maxMs === undefined ? null : latencyMs <= maxMs
      return { outcome: 'scored', value: latencyMs, passed, reason: `It took ${Math.round(latencyMs)} ms.` }
    }
  },
}

const costSettings = z.strictObject({
  max_usd: z
    .union([z.string().max(30), z.number()])
    .optional()
    .describe('passed up to that many dollars, as `"0.002"`'),
})

export const cost: ScorerKind<z.output<typeof costSettings>> = {
  kind: 'cost',
  version: 1,
  summary: 'What the call cost, in micro-USD.',
  source: 'Aval’s price list at the time of the call; promptfoo (cost).',
  traps:
    'An unknown price abstains; it is not 0. List prices, without discounts. What an upstream’s cache answered costs little and says nothing about the model. An answer taken over from an earlier run is judged by what it had cost there. An empty answer is judged like any other.',
  values: 'unbounded',
  better: 'lower',
  settings: costSettings,
  prepare({ max_usd: written }) {
    const most = written === undefined ? null : parseUsd(String(written))
    if (written !== undefined && most === null) {
      const message = `${quoted(String(written))} where dollars such as "0.002" are expected, to a millionth at most.`
      throw wrongSetting('max_usd', message)
    }
    return ({ cost: spent }) => {
      if (spent === null) return abstained('The price of the call is not known.')
      if (spent > BigInt(Number.MAX_SAFE_INTEGER)) return failed('The cost is too large to be a score.')
      const passed = most === null ? null : spent <= most
      return { outcome: 'scored', value: Number(spent), passed, reason: `It cost ${formatUsd(spent)}.` }
    }
  },
}
