/** `aval finetune create|list|show|wait|cancel`: models that an upstream trains on a dataset. */

import type { Command } from 'commander'
import {
  type CliContext,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
} from '../../context.ts'
import { formatTime } from '../../format.ts'
import { showList } from '../../list.ts'
import { addFineTuneCreateCommand } from './create.ts'
import { waitForTuning } from './wait-for.ts'
import { type FineTune, fineTunePath, fineTuneText, isOver, stateText } from './wire.ts'

export function addFineTuneCommands(program: Command, context: CliContext): void {
  const finetune = program.command('finetune').description('models that an upstream trains on a dataset')
  addFineTuneCreateCommand(finetune, context)
  addList(finetune, context)
  addShow(finetune, context)
  addWait(finetune, context)
  addCancel(finetune, context)
}

function addList(finetune: Command, context: CliContext): void {
  withExamples(
    withPaging(
      finetune
        .command('list')
        .description('newest first')
        .option('--as <name>', 'that become versions of this model')
        .option('--state <state>', 'queued, running, done, cancelled or failed'),
    ),
    'aval finetune list',
    'aval finetune list --as refunds-ft --state failed --json',
  ).action(
    context.run((options: ListOptions & { as?: string; state?: string }) =>
      showList<FineTune>(context, options, {
        path: '/api/fine-tunes',
        none: 'Nothing was trained. Begin: aval finetune create --help',
        head: ['ID', 'OF', 'DATASET', 'METHOD', 'ITEMS', 'STATE', 'BECAME', 'BY', 'ASKED'],
        cells: (one) => [
          one.id,
          one.model,
          one.dataset,
          one.method,
          String(one.items),
          stateText(one),
          one.model_version ?? '-',
          one.created_by_name ?? '-',
          formatTime(context.terminal, one.created_at),
        ],
      }),
    ),
  )
}

function addShow(finetune: Command, context: CliContext): void {
  withExamples(
    withJson(
      finetune
        .command('show')
        .argument('<id>', 'ftn_…')
        .description('how far it is, what was sent, and what it became'),
    ),
    'aval finetune show ftn_01k…',
    'aval finetune show ftn_01k… --json',
  ).action(
    context.run(async (id: string, { json }: { json?: boolean }) => {
      const one = await context.client.json<FineTune>({ method: 'GET', path: fineTunePath(id) })
      if (json) writeJson(context, one)
      else context.terminal.write(fineTuneText(context, one))
      return undefined
    }),
  )
}

function addWait(finetune: Command, context: CliContext): void {
  withExamples(
    withJson(
      finetune
        .command('wait')
        .argument('<id>', 'ftn_…')
        .description('until the model is there; ends with 1 when it never will be'),
    ),
    'aval finetune wait ftn_01k…',
  ).action(
    context.run((id: string, { json }: { json?: boolean }) => waitForTuning(context, id, json === true)),
  )
}

function addCancel(finetune: Command, context: CliContext): void {
  withExamples(
    withJson(
      finetune
        .command('cancel')
        .argument('<id>', 'ftn_…')
        .description('ask the upstream to stop; what it has trained may have to be paid for'),
    ),
    'aval finetune cancel ftn_01k…',
  ).action(
    context.run(async (id: string, { json }: { json?: boolean }) => {
      const path = `${fineTunePath(id)}/cancel`
      const one = await context.client.json<FineTune>({ method: 'POST', path })
      if (json) writeJson(context, one)
      else if (isOver(one)) context.terminal.write(`${id} is ${one.state}.\n`)
      else context.terminal.write(`${id} is to stop. Look: aval finetune show ${id}\n`)
      return undefined
    }),
  )
}
