/** Settings of scorers for tests that go through all kinds. */

import type { JsonObject } from '../../src/lib/json.ts'

/** The settings without which a kind makes no sense. */
export const NEEDED: Readonly<Record<string, JsonObject>> = {
  regex: { pattern: 'a+b' },
  'tool-calls-valid': { tools: {} },
  'word-count': { max: 10 },
  javascript: { code: 'output.length > 0' },
  rubric: { model: 'm', rubric: 'It is polite.' },
  'closed-qa': { model: 'm', criterion: 'It is polite.' },
  factuality: { model: 'm' },
  faithfulness: { model: 'm' },
  'answer-relevance': { model: 'm' },
  'context-relevance': { model: 'm' },
  pairwise: { model: 'm' },
  jury: {
    judges: [
      { kind: 'factuality', model: 'm' },
      { kind: 'faithfulness', model: 'n' },
    ],
  },
}
