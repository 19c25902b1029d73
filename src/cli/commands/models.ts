/** `aval models list|pull|remove`: the local models of the machine that serves. */

import type { Command } from 'commander'
import { printableLine } from '../../lib/printable.ts'
import { describeError } from '../client.ts'
import { type CliContext, demandConsent, withExamples, withJson, writeJson } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { formatBytes, formatTable } from '../format.ts'
import { type Look, startProgress } from '../progress.ts'

type Model = {
  name: string
  tasks: string[]
  size_bytes: number | null
  shipped: boolean
  loaded: boolean
}
type Step = {
  received_bytes?: number
  total_bytes?: number | null
  done?: boolean
  error?: { message: string; code: string }
}

/** Gigabytes over a slow line take hours; a pull that brings nothing new is the server's to end. */
const PULL_TIMEOUT_MS = 12 * 3_600_000
const LINE_MAX_LETTERS = 64 * 1024

export function addModelCommands(program: Command, context: CliContext): void {
  const models = program.command('models').description('local models: list, pull, remove')
  withExamples(
    withJson(models.command('list').description('models this machine can run')),
    'aval models list',
  ).action(context.run((options: { json?: boolean }) => list(context, options)))
  withExamples(
    withJson(
      models
        .command('pull')
        .argument('<name>', 'as on the model hub')
        .description('fetch a model from the hub into the models folder'),
    ),
    'aval models pull Xenova/all-MiniLM-L6-v2',
  ).action(context.run((name: string, options: { json?: boolean }) => pull(context, name, options)))
  withExamples(
    withJson(
      models
        .command('remove')
        .argument('<name>')
        .description('delete a pulled model')
        .option('--yes', 'do not ask'),
    ),
    'aval models remove Xenova/all-MiniLM-L6-v2 --yes',
  ).action(
    context.run((name: string, options: { yes?: boolean; json?: boolean }) => remove(context, name, options)),
  )
}

async function list(context: CliContext, options: { json?: boolean }): Promise<undefined> {
  const models = await context.client.json<{ data: Model[] }>({ method: 'GET', path: '/api/models' })
  if (options.json) {
    writeJson(context, models)
  } else if (models.data.length === 0) {
    context.terminal.write('No local models. Fetch one: aval models pull Xenova/all-MiniLM-L6-v2\n')
  } else {
    context.terminal.write(
      formatTable(
        ['MODEL', 'FOR', 'SIZE', 'FROM', 'LOADED'],
        models.data.map((model) => [
          `local/${model.name}`,
          model.tasks.join(' '),
          formatBytes(model.size_bytes),
          model.shipped ? 'shipped' : 'folder',
          model.loaded ? 'yes' : 'no',
        ]),
      ),
    )
  }
  return undefined
}

async function pull(context: CliContext, name: string, options: { json?: boolean }): Promise<undefined> {
  const answer = await context.client.open(
    { method: 'POST', path: '/api/models/pull', body: { name } },
    AbortSignal.timeout(PULL_TIMEOUT_MS),
  )
  const progress = startProgress(context.terminal, pullLook(name), options.json === true)
  let done = false
  try {
    for await (const step of steps(answer)) {
      if (step.error !== undefined) {
        throw new CliError(
          EXIT.ours,
          describeError(step.error.message, step.error.code, answer.headers.get('x-request-id')),
        )
      }
      if (step.done === true) done = true
      else progress.update(pullStep(name, step))
    }
  } finally {
    progress.stop()
  }
  if (!done)
    throw new CliError(EXIT.ours, `The pull of ${name} broke off. Run it again: it goes on where it stopped.`)
  if (options.json) writeJson(context, { name, pulled: true })
  else context.terminal.write(`Pulled ${name}. Try it: aval models list\n`)
  return undefined
}

async function remove(
  context: CliContext,
  name: string,
  options: { yes?: boolean; json?: boolean },
): Promise<undefined> {
  await demandConsent(context, options.yes, `Remove the model ${name} from disk?`)
  const removed = await context.client.json<object>({
    method: 'DELETE',
    path: `/api/models/${encodeURIComponent(name)}`,
  })
  if (options.json) writeJson(context, removed)
  else context.terminal.write(`Removed ${name}.\n`)
  return undefined
}

async function* steps(answer: Response): AsyncGenerator<Step> {
  const decoder = new TextDecoder()
  let held = ''
  for await (const chunk of answer.body ?? []) {
    held += decoder.decode(chunk as Uint8Array, { stream: true })
    const lines = held.split('\n')
    held = lines.pop() ?? ''
    if (held.length > LINE_MAX_LETTERS)
      throw new CliError(EXIT.ours, 'The server sent a line without an end.')
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Step
  }
}

function pullLook(name: string): Look {
  return {
    bar: '{file}  {bar} {percentage} %  {received} of {size}  eta {eta_formatted}',
    line: ({ total }, percent) =>
      `${printableLine(name)}  ${percent === null ? '…' : `${percent} %`}  of ${formatBytes(total)}`,
  }
}

function pullStep(name: string, { received_bytes: done = 0, total_bytes: total = null }: Step) {
  const size = formatBytes(total)
  return { done, total, phase: size, words: { file: printableLine(name), received: formatBytes(done), size } }
}
