/** `aval finetune create`: says what would leave the house, and has a worker send it. */

import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import {
  type CliContext,
  demandConsent,
  wholeNumber,
  withExamples,
  withJson,
  writeJson,
} from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatFields } from '../../format.ts'
import { waitForTuning } from './wait-for.ts'
import type { FineTune, FineTunePlan } from './wire.ts'

type Options = {
  dataset: string
  model: string
  as: string
  purpose?: string
  method: string
  validation?: string
  suffix?: string
  epochs?: number
  seed?: number
  licence?: string
  dryRun?: boolean
  wait?: boolean
  yes?: boolean
  json?: boolean
}

export function addFineTuneCreateCommand(finetune: Command, context: CliContext): void {
  withExamples(
    withJson(
      finetune
        .command('create')
        .description('send a dataset to an upstream that trains a model on it (engineer or admin)')
        .requiredOption('--dataset <dataset>', 'refunds@3, or refunds for the newest')
        .requiredOption('--model <model>', 'the model to train further: upstream/model')
        .requiredOption('--as <name>', 'the model whose next version it becomes')
        .option('--purpose <why>', 'why; it stands on the log beside everything that is sent')
        .option(
          '--method <method>',
          'supervised (answers to repeat), dpo (answers and better ones)',
          'supervised',
        )
        .option('--validation <dataset>', 'examples that it is measured with meanwhile')
        .option('--suffix <text>', 'for the name that the upstream gives the model')
        .option('--epochs <count>', 'passes over the examples (default: the upstream decides)', wholeNumber)
        .option('--seed <number>', 'for the upstream’s chance', wholeNumber)
        .option('--licence <text>', 'of the new model, as its card says it')
        .option('--dry-run', 'say what would be sent, and send nothing')
        .option('--wait', 'until the model is there')
        .option('--yes', 'do not ask'),
    ),
    'aval finetune create --dataset refunds@3 --model openai/gpt-4.1-mini-2025-04-14 --as refunds-ft --dry-run',
    'aval finetune create --dataset refunds@3 --validation refunds-dev --model openai/gpt-4.1-mini-2025-04-14 --as refunds-ft --epochs 3 --purpose "ticket 812" --yes',
    'aval finetune create --dataset refund-pairs --method dpo --model lab/llama --as refunds-dpo --purpose "ticket 812" --wait --json --yes',
  ).action(context.run((options: Options) => create(context, options)))
}

async function create(context: CliContext, options: Options): Promise<number> {
  const { client, terminal } = context
  const { purpose, dryRun, wait, yes, json, ...wish } = options
  const body = wish
  const plan = await client.json<FineTunePlan>({ method: 'POST', path: '/api/fine-tunes/plan', body })
  if (dryRun === true && json === true) writeJson(context, plan)
  if (json !== true) terminal.write(planText(plan))
  if (plan.problem !== null) throw new CliError(EXIT.emptyInput, printableLine(plan.problem))
  if (dryRun === true) return EXIT.done
  if (purpose === undefined) {
    throw new CliError(EXIT.usage, 'Say why the data leaves the house: --purpose "ticket 812"')
  }
  const question = `Send ${plan.training.items} examples to ${plan.model.split('/')[0]}?`
  await demandConsent(context, yes, printableLine(question))
  const made = await client.json<FineTune>({
    method: 'POST',
    path: '/api/fine-tunes',
    // A call that was cut off and is sent again finds the one that it asked for.
    body: { ...body, purpose, idempotency_key: randomUUID() },
  })
  if (wait === true) return await waitForTuning(context, made.id, json === true)
  if (json === true) writeJson(context, made)
  else terminal.write(`${made.id} waits for a worker. Look: aval finetune show ${made.id}\n`)
  return EXIT.done
}

function planText(plan: FineTunePlan): string {
  const { training, validation, epochs } = plan
  const files = [training, ...(validation === null ? [] : [validation])]
  const left = files.flatMap(({ dataset, left: reasons }) =>
    reasons.map(({ reason, count, example }): [string, string] => [
      'left out',
      printableLine(`${count} of ${dataset}, such as ${example}: ${reason}`),
    ]),
  )
  const passes = epochs === null ? 'for each pass; the upstream decides how many' : `× ${epochs} epochs`
  return formatFields([
    ['model', `${plan.model}, ${plan.method}`],
    ['becomes', `the next version of ${plan.as}`],
    ...left,
    ['dataset', figuresText(training)],
    ['validation', validation === null ? null : figuresText(validation)],
    ['trains on', `about ${training.tokens} tokens ${passes}`],
    ['price', 'unknown: no price list says what training costs'],
  ])
}

function figuresText({ dataset, items, bytes, characters, tokens }: FineTunePlan['training']): string {
  return `${dataset}, ${items} examples, ${characters} characters, about ${tokens} tokens, ${bytes} bytes`
}
