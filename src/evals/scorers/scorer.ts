/** What a scorer is, and how its judgement of one answer ends. Every kind of scorer is one file that exports one ScorerKind. */

import type { z } from 'zod'
import type { Scale } from '../../lib/interval-text.ts'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import type { Assertions } from '../assertions.ts'
import type { CodeOrder, Evaluated } from '../sandbox/protocol.ts'

/** A tool call of an answer; `arguments` as the model wrote them, so perhaps no JSON. */
export type ToolCall = { name: string; arguments: string }

/** What a scorer is shown: one item's answer in one repeat, and what the item says about it. */
export type Sample = {
  /** What was asked, as text: the last user message, or the one variable that a prompt asks with. */
  input: string
  /** What was sent, as far as the item says it: the text of its one message, or its messages as JSON; null for variables alone. */
  prompt: string | null
  /** Of the item, for the subject's prompt. */
  variables: JsonObject
  /** The text of the answer; empty when it holds none. */
  output: string
  toolCalls: readonly ToolCall[]
  /** Why the model stopped, in OpenAI's words; null when unknown. */
  finishReason: string | null
  /** What the item expects: a text, several that are all right, or any JSON; null when it says nothing. */
  expected: JsonValue
  /** What this item alone demands; null when it demands nothing of its own. */
  assertions: Assertions | null
  /** Passages that the answer was to rest on, in the order shown. */
  contexts: readonly string[]
  /** Documents in the order they were found, and those that hold the answer; null where nothing was looked for. */
  retrieved: { found: readonly string[]; relevant: readonly string[] } | null
  /** From the request to the last byte; null for recorded answers that do not say. */
  latencyMs: number | null
  /** Micro-USD; null when the price is unknown, which is not 0. Of an answer that was taken over, what it had cost. */
  cost: bigint | null
  /** An earlier run had asked for it; left out where this one did. */
  takenOver?: true
}

/**
 * How judging ended. `abstained`: it cannot tell, by its own rules (no expected text, no context). `error`: it should have
 * been able to and was not. Neither is a bad score, and neither is averaged away.
 */
export type ScoreOutcome =
  | {
      outcome: 'scored'
      /** Finite. 0…1 unless the kind says `unbounded`. */
      value: number
      /** What the kind or its settings call good enough; null when only a number was asked for. */
      passed: boolean | null
      /** One sentence a person can check. */
      reason: string
      /** What the reason rests on: matched spans, missing names. At most a few kilobytes. */
      details?: JsonValue
    }
  | { outcome: 'abstained'; reason: string }
  | { outcome: 'error'; reason: string }

/** What a judge asks of a model: messages, and members of the request such as `response_format`. */
export type JudgeQuestion = {
  /** `upstream/model`, or a route. */
  model: string
  messages: readonly { role: 'system' | 'user' | 'assistant'; content: string }[]
  parameters?: JsonObject
}
export type JudgeAnswer =
  | { kind: 'answered'; text: string; finishReason: string | null }
  /** One sentence: no model, a refusal of the gateway, an upstream that fails. */
  | { kind: 'failed'; reason: string }

/** What a scorer may use beside the sample. Whoever runs it pays for it, bounds it and keeps a record of it. */
export type Tools = {
  /** Asks through the data plane, so that each question is a request on the log. */
  ask: (question: JudgeQuestion, signal: AbortSignal) => Promise<JudgeAnswer>
  /** Unit vectors of texts by the model that ships, in their order. */
  embed: (texts: readonly string[], signal: AbortSignal) => Promise<Float32Array[]>
  /** Runs code where it can do nothing but compute; never rejects. */
  evaluate: (order: CodeOrder, signal: AbortSignal) => Promise<Evaluated>
}

/** Judges one sample. May throw: the caller makes a typed `error` of it. Pure unless it uses the tools. */
export type Score = (
  sample: Sample,
  signal: AbortSignal,
  tools: Tools,
) => ScoreOutcome | Promise<ScoreOutcome>

/** A kind of scorer: what it measures, where that comes from, what it is easily taken for, and how settings become a function. */
export type ScorerKind<Settings = unknown> = {
  /** As suites write it, e.g. `contains-any`. */
  kind: string
  /** Counts up whenever the same sample and settings could be judged otherwise. */
  version: number
  summary: string
  /** Paper, specification or product whose definition it follows. */
  source: string
  /** What it cannot see and what it is easily taken for. */
  traps: string
  /** `binary`: 0 or 1, and 1 passes. `share`: 0…1. `unbounded`: milliseconds, micro-USD, words. */
  values: Scale
  better: 'higher' | 'lower'
  /** A model judges. Until it is calibrated against people, its scores are reported and decide nothing. */
  judge?: true
  /** Strict: a setting nobody knows is a mistake of the suite. */
  settings: z.ZodType<Settings>
  /**
   * Compiles settings once for a run; throws a RequestError that names the setting when they make no sense together. A
   * method, so that kinds with different settings share one list: what it is given has been through `settings`.
   */
  prepare(settings: Settings): Score
}
