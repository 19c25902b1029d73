/** What scorers use of a run's process, with what it costs: models through the data plane under the run's own key, vectors. */

import type { JudgeAnswer, JudgeQuestion, Tools } from '../scorers/scorer.ts'
import type { Ask } from './ask.ts'
import type { MeteredTools } from './judge-unit.ts'
import type { RunRow } from './run-rows.ts'

/** Of one judgement: a jury of many, each asked a few times. */
const MAX_QUESTIONS = 100

/** For one judgement of one answer. */
export function meteredTools({
  ask,
  embed,
  evaluate,
  row,
  subject = null,
}: {
  ask: Ask
  embed: Tools['embed']
  evaluate: Tools['evaluate']
  row: Pick<RunRow, 'id' | 'projectId' | 'suite'>
  /** Whose words are judged; see `Call`. */
  subject?: string | null
}): MeteredTools {
  let cost: bigint | null = 0n
  let questions = 0
  const asking = async (
    { model, messages, parameters = {} }: JudgeQuestion,
    signal: AbortSignal,
  ): Promise<JudgeAnswer> => {
    questions += 1
    if (questions > MAX_QUESTIONS) {
      return { kind: 'failed', reason: `A judgement asks at most ${MAX_QUESTIONS} questions.` }
    }
    const body = { ...parameters, model, messages: messages.map((message) => ({ ...message })) }
    const call = {
      projectId: row.projectId,
      runId: row.id,
      runName: `judge ${row.suite}`,
      subject,
      body,
      signal,
    }
    const asked = await ask(call)
    if (asked.kind === 'failed') return { kind: 'failed', reason: asked.failure.message }
    const { answer } = asked
    if (!answer.free) cost = cost === null || answer.cost === null ? null : cost + answer.cost
    return { kind: 'answered', text: answer.output, finishReason: answer.finishReason }
  }
  return { tools: { ask: asking, embed, evaluate }, cost: () => cost }
}
