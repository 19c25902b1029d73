/** What `aval bench judge` does: rows that people judged are drawn, judged by a model behind the gateway, and compared. */

import { resolve } from 'node:path'
import { type BenchDeps, demandInOrder, inOrder } from './bench-parts.ts'
import { CliError, EXIT } from './cli/exit-codes.ts'
import type { JudgeFigures, JudgeOptions } from './cli/quality.ts'
import { type RowJudgement, reportJudge } from './evals/judging/bench-report.ts'
import {
  findJudgedSets,
  type JudgedAnswer,
  type JudgedPair,
  type JudgedSet,
  readJudgedSet,
} from './evals/judging/judged-sets.ts'
import { drawUnits } from './evals/reviews/create-queue.ts'
import { createTaskGroup } from './evals/runs/task-group.ts'
import { judgeSafely } from './evals/scorers/judge-safely.ts'
import { faithfulness } from './evals/scorers/judges/faithfulness.ts'
import { pairwise } from './evals/scorers/judges/pairwise.ts'
import type { Sample, Score, ScoreOutcome, Tools } from './evals/scorers/scorer.ts'
import { isJsonObject } from './lib/json.ts'

/** Of one row: several questions, each of which the server bounds for itself. */
const ROW_TIMEOUT_MS = 300_000

/** Rejects with CliError for folders and files with mistakes, and when the process is told to stop. */
export async function benchJudge(
  { directory, stop }: Pick<BenchDeps, 'directory' | 'stop'>,
  options: JudgeOptions,
): Promise<JudgeFigures> {
  const found = inOrder(findJudgedSets(resolve(directory, options.data))).sets
  demandInOrder(found, readJudgedSet)
  const spending: Spending = { spent: 0n, unpriced: 0, budget: options.budget }
  const sets: JudgeFigures['sets'][number][] = []
  for (const path of found) {
    const set = drawn(inOrder(readJudgedSet(path)).set, options)
    const judgements = await judgeRows(set, options, spending, stop, (done) =>
      options.onStep({ set: path.name, done, total: set.rows.length }),
    )
    sets.push(reportJudge(path.name, set, judgements))
  }
  return { model: options.model, spent: spending.spent, unpriced: spending.unpriced, sets }
}

/** Micro-USD; `unpriced`: answers that did not say what they cost. */
type Spending = { spent: bigint; unpriced: number; budget: bigint }

function drawn(set: JudgedSet, { limit, seed }: JudgeOptions): JudgedSet {
  return set.kind === 'pairs'
    ? { kind: 'pairs', rows: drawUnits(set.rows, limit, seed) }
    : { kind: 'answers', rows: drawUnits(set.rows, limit, seed) }
}

async function judgeRows(
  set: JudgedSet,
  options: JudgeOptions,
  spending: Spending,
  stop: AbortSignal,
  onDone: (done: number) => void,
): Promise<RowJudgement[]> {
  const judgements: RowJudgement[] = []
  const group = createTaskGroup(options.concurrency, stop)
  const tools = toolsOf(options, spending)
  const { values, score } = judgeOf(set, options)
  let done = 0
  try {
    for (const [at, row] of set.rows.entries()) {
      await group.room()
      group.signal.throwIfAborted()
      group.begin(async () => {
        const signal = AbortSignal.any([group.signal, AbortSignal.timeout(ROW_TIMEOUT_MS)])
        const outcome = await judgeSafely({ values, score }, sampleOf(row), { signal, tools })
        judgements[at] = judgementOf(set.kind, outcome)
        done += 1
        onDone(done)
      })
    }
    await group.allEnded()
    return judgements
  } catch (error) {
    await group.stop()
    if (stop.aborted) throw new CliError(EXIT.ours, 'Stopped before the end. Its questions are on the log.')
    throw error
  }
}

function judgeOf(set: JudgedSet, { model, structured }: JudgeOptions): { values: 'share'; score: Score } {
  const settings = { model, structured }
  const score =
    set.kind === 'pairs'
      ? pairwise.prepare(pairwise.settings.parse(settings))
      : faithfulness.prepare(faithfulness.settings.parse(settings))
  return { values: 'share', score }
}

/** `a` stands where the answer does, `b` where the other one does. */
function sampleOf(row: JudgedPair | JudgedAnswer): Sample {
  const isPair = 'a' in row
  return {
    input: isPair ? row.question : '',
    prompt: null,
    variables: {},
    output: isPair ? row.a : row.answer,
    toolCalls: [],
    finishReason: null,
    expected: isPair ? row.b : null,
    assertions: null,
    contexts: isPair ? [] : row.contexts,
    retrieved: null,
    latencyMs: null,
    cost: null,
  }
}

/** An answer counts as supported when each of its claims is. */
function judgementOf(kind: JudgedSet['kind'], outcome: ScoreOutcome): RowJudgement {
  if (outcome.outcome !== 'scored') return outcome
  const { value, details } = outcome
  if (kind === 'answers') {
    return { outcome: 'scored', label: value === 1 ? 'supported' : 'unsupported', flipped: null }
  }
  const flipped = isJsonObject(details) && details.position_flip === true
  return { outcome: 'scored', label: value === 0.5 ? 'tie' : value === 1 ? 'a' : 'b', flipped }
}

/** Asks through the server, so that each question is a request on its log; none once the budget is spent. */
function toolsOf({ ask }: JudgeOptions, spending: Spending): Tools {
  const none = async () => await Promise.reject(new Error('This judge asks a model and needs nothing else.'))
  return {
    embed: none,
    evaluate: none,
    ask: async (question, signal) => {
      if (spending.spent >= spending.budget) return { kind: 'failed', reason: 'The budget is spent.' }
      const answer = await ask(question, signal)
      if (answer.kind === 'failed') return answer
      if (answer.cost === null) spending.unpriced += 1
      else spending.spent += answer.cost
      return answer
    },
  }
}
