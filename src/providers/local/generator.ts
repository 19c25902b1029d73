/** Text generation inside a worker: chat template, own seeded sampling, stop strings, cancelled within a token. */

import { basename, dirname } from 'node:path'
import {
  AutoModelForCausalLM,
  AutoTokenizer,
  env,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  StoppingCriteria,
  type Tensor,
  TextStreamer,
} from '@huggingface/transformers'
import { sessionOptions } from './encoder.ts'
import {
  type GenerateJob,
  type Job,
  JobMistake,
  type JobResult,
  type LocalModel,
  throwIfCancelled,
} from './protocol.ts'
import { createSampler } from './sampler.ts'
import { createStopText } from './stop-text.ts'

/** A call that names no limit still ends: half a minute or so at the speed of a small model on a CPU. */
const DEFAULT_MAX_TOKENS = 1024

type Generator = { served: LocalModel; tokenizer: PreTrainedTokenizer; model: PreTrainedModel }
type Inputs = { input_ids: Tensor; attention_mask: Tensor }

/** Loads a text-generation model; the returned function does its jobs. */
export async function loadGenerator(served: LocalModel, threads: number) {
  env.localModelPath = `${dirname(served.folder)}/`
  const name = basename(served.folder)
  const generator: Generator = {
    served,
    tokenizer: await AutoTokenizer.from_pretrained(name, { local_files_only: true }),
    model: await AutoModelForCausalLM.from_pretrained(name, sessionOptions(served, threads)),
  }
  return (job: Job, cancel: Int32Array, emitText: (text: string) => void) => {
    if (job.kind === 'generate') return generate(generator, job, cancel, emitText)
    throw new JobMistake('unsupported_operation', `"${served.name}" only generates text.`, 'model')
  }
}

async function generate(
  { served, tokenizer, model }: Generator,
  job: GenerateJob,
  cancel: Int32Array,
  emitText: (text: string) => void,
): Promise<JobResult> {
  const inputs = encodePrompt(served, tokenizer, job)
  const promptTokens = Number(inputs.input_ids.dims.at(-1))
  const room = served.contextTokens - promptTokens
  const maxTokens = Math.min(job.maxTokens ?? DEFAULT_MAX_TOKENS, room)
  if (room < 1 || (job.maxTokens !== null && job.maxTokens > room)) {
    const message = `The prompt has ${promptTokens} tokens and "${served.name}" holds ${served.contextTokens} together with the answer: shorten it or ask for at most ${Math.max(0, room)} tokens.`
    throw new JobMistake('context_length_exceeded', message, 'messages')
  }
  const stops = createStopText(job.stop)
  let text = ''
  const show = (piece: string) => {
    if (piece === '') return
    text += piece
    emitText(piece)
  }
  const streamer = new TextStreamer(tokenizer, {
    skip_prompt: true,
    skip_special_tokens: true,
    callback_function: (piece: string) => show(stops.push(piece)),
  })
  const output = (await model.generate({
    ...inputs,
    max_new_tokens: maxTokens,
    do_sample: false,
    streamer,
    // The sampler leaves one token standing, so greedy search takes it: seeded, whatever the library's own state.
    logits_processor: [createSampler(job)] as never,
    stopping_criteria: [new StopWhen(() => stops.stopped || Atomics.load(cancel, 0) === 1)],
  })) as Tensor
  throwIfCancelled(cancel)
  show(stops.flush())
  const made = Array.from(output.data as BigInt64Array, Number).slice(promptTokens)
  const ended = endTokens(model).includes(made.at(-1) ?? -1)
  const finishReason = stops.stopped || ended ? 'stop' : 'length'
  return { kind: 'text', text, finishReason, promptTokens, completionTokens: made.length - (ended ? 1 : 0) }
}

function encodePrompt(served: LocalModel, tokenizer: PreTrainedTokenizer, { prompt }: GenerateJob): Inputs {
  if ('text' in prompt) return tokenizer(prompt.text)
  if (!tokenizer.chat_template) {
    throw new JobMistake(
      'unsupported_operation',
      `"${served.name}" has no chat template: use /v1/completions.`,
      'model',
    )
  }
  return tokenizer.apply_chat_template(prompt.messages, {
    add_generation_prompt: true,
    return_dict: true,
  }) as Inputs
}

function endTokens(model: PreTrainedModel): number[] {
  const { eos_token_id: end } = (model.generation_config ?? model.config) as {
    eos_token_id?: number | number[]
  }
  return end === undefined || end === null ? [] : [end].flat()
}

/** Stops after the current token once `isOver` says so. */
class StopWhen extends StoppingCriteria {
  readonly #isOver: () => boolean

  constructor(isOver: () => boolean) {
    super()
    this.#isOver = isOver
  }

  override _call(inputs: number[][]): boolean[] {
    return inputs.map(() => this.#isOver())
  }
}
