/** Datasets and runs for tests, and a subject that answers from a script. */

import type { DatabaseConnection } from '../../src/db/client.ts'
import { pushDataset, pushItems } from '../../src/evals/datasets/dataset-versions.ts'
import type { DatasetItem } from '../../src/evals/datasets/item.ts'
import type { Ask, Asked, Call } from '../../src/evals/runs/ask.ts'
import { type CreatedRuns, createRuns, planRun } from '../../src/evals/runs/create-run.ts'
import { type ExecuteDeps, executeRun, type RunOutcome } from '../../src/evals/runs/execute.ts'
import type { Pace } from '../../src/evals/runs/pace.ts'
import { readyScorers } from '../../src/evals/scorers/ready-scorers.ts'
import { readSuiteFile, type Suite } from '../../src/evals/suites/suite.ts'
import type { Snapshot } from '../../src/gateway/snapshot.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { RegistryBook } from '../../src/registry/releases/book.ts'
import { EMPTY_REGISTRY } from '../../src/registry/releases/registry-data.ts'

export const AUTHOR = { id: 'vk_test', name: 'test', projectId: 'prj_default', person: 'vk_test' }

/** Items `q0`, `q1`, … that ask their own number and expect it back. */
export function numbered(
  count: number,
  more: (at: number) => Partial<DatasetItem> = () => ({}),
): DatasetItem[] {
  return Array.from({ length: count }, (_, at) => ({
    id: `q${at}`,
    input: `What is ${at}?`,
    expected: String(at),
    ...more(at),
  }))
}

export async function aDataset({ sql }: DatabaseConnection, name: string, items: readonly DatasetItem[]) {
  const deps = { sql, clock: systemClock }
  const hashes = await pushItems(deps, AUTHOR.projectId, items)
  return await pushDataset(deps, AUTHOR, { name, hashes, schema: null, description: null })
}

export function aSuite(yaml: string, name = 'suite'): Suite {
  const suite = readSuiteFile(name, yaml)
  if ('problems' in suite) throw new Error(suite.problems.join('\n'))
  return suite
}

export async function begin(
  { sql, db }: DatabaseConnection,
  suite: Suite,
  wish: { release?: string; against?: string; key?: string } = {},
): Promise<CreatedRuns> {
  const deps = {
    sql,
    db,
    clock: systemClock,
    serves: (model: string) => /^(?:local|up|claude)\//.test(model),
  }
  const { release = null, against = null, key = null } = wish
  const plan = await planRun(deps, AUTHOR.projectId, { suite, release, against })
  return await createRuns(deps, AUTHOR, {
    plan,
    budget: suite.budget,
    tags: [],
    note: null,
    gitCommit: null,
    idempotencyKey: key,
  })
}

type Told =
  | Partial<Extract<Asked, { kind: 'answered' }>['answer']>
  | { failure: Partial<Extract<Asked, { kind: 'failed' }>['failure']> }

/** `answer` gets the question and how often it was asked before; a text alone is an answer that costs nothing. */
export function scriptedAsk(
  answer: (question: string, before: number, call: Call) => string | Told | Promise<string | Told>,
): { ask: Ask; asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    ask: async (call) => {
      const [message] = call.body.messages as { content: string }[]
      const question = message?.content ?? ''
      const before = asked.filter((one) => one === question).length
      asked.push(question)
      const told = await answer(question, before, call)
      const base = { requestId: `req_${asked.length}`, latencyMs: 12, upstream: 'up' }
      if (typeof told !== 'string' && 'failure' in told) {
        const usual = {
          code: 'upstream_error',
          message: 'It failed.',
          retryable: false,
          retryAfterMs: null,
        }
        return { ...base, kind: 'failed', failure: { ...usual, ...told.failure } }
      }
      const usual = {
        output: '',
        toolCalls: [],
        finishReason: 'stop',
        contexts: [],
        retrieved: null,
        cost: null,
        free: true,
      }
      return {
        ...base,
        kind: 'answered',
        answer: { ...usual, ...(typeof told === 'string' ? { output: told } : told) },
      }
    },
  }
}

/** The number in a question. */
export const echo = (question: string) => /\d+/.exec(question)?.[0] ?? ''

export const noVectors = async () => await Promise.reject(new Error('No vectors in this test.'))

/** There is room for every call at once. */
export const unhurried: Pace = { enter: async () => () => undefined }

/** Of tests whose scorers are no code. */
export const noCode: ExecuteDeps['evaluate'] = async () => ({
  kind: 'failed',
  reason: 'No code in this test.',
})

/** Of tests whose runs leave nothing to others. */
const noAnswerers: ExecuteDeps['answererOf'] = () => null

const NOTHING_SERVED: Snapshot = {
  upstreams: new Map(),
  routes: new Map(),
  registry: new RegistryBook(EMPTY_REGISTRY),
  guarantee: { durability: 'process', policy: 'required', deadlineMs: 0 },
  knownModels: () => [],
}

/** Of tests whose runs ask call by call: a data plane that is asked for nothing. */
export const noBatches: ExecuteDeps['batches'] = {
  gateway: { snapshot: () => NOTHING_SERVED } as ExecuteDeps['batches']['gateway'],
  log: { event: async () => await Promise.reject(new Error('No log in this test.')) },
}

export async function execute(
  { sql }: DatabaseConnection,
  id: string,
  ask: Ask,
  more: Partial<ExecuteDeps> & { clock?: Clock } = {},
): Promise<RunOutcome> {
  const { signal } = new AbortController()
  return await executeRun(
    {
      sql,
      clock: systemClock,
      random: () => 0,
      ask,
      batches: noBatches,
      answererOf: noAnswerers,
      pace: unhurried,
      embed: noVectors,
      evaluate: noCode,
      prepare: readyScorers,
      signal,
      ...more,
    },
    id,
  )
}
