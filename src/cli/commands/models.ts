/** `aval models list|pull|remove`: the local models of the machine that serves. */

import { SingleBar } from 'cli-progress'
import type { Command } from 'commander'
import { describeError } from '../client.ts'
import { type CliContext, demandConsent, withExamples, withJson, writeJson } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { formatBytes, formatTable } from '../format.ts'
import { printableLine } from '../terminal.ts'

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
  const show = options.json ? null : progressOf(context, name)
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
      else show?.update(step)
    }
  } finally {
    show?.stop()
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

/** A bar on a terminal; in a log one line per file and tenth. */
function progressOf(context: CliContext, name: string): { update(step: Step): void; stop(): void } {
  const { terminal } = context
  if (terminal.interactive) return barOf(context, name)
  let last = ''
  return {
    update: (step) => {
      const total = step.total_bytes ?? null
      const tenth = total ? Math.floor(((step.received_bytes ?? 0) / total) * 10) * 10 : null
      const line = `${printableLine(name)}  ${tenth === null ? '…' : `${tenth} %`}  of ${formatBytes(total)}\n`
      if (line !== last) terminal.writeError(line)
      last = line
    },
    stop: () => undefined,
  }
}

function barOf(context: CliContext, name: string): { update(step: Step): void; stop(): void } {
  const bar = new SingleBar({
    format: '{file}  {bar} {percentage} %  {received} of {size}  eta {eta_formatted}',
    stream: context.terminal.progressStream as NodeJS.WriteStream,
    hideCursor: true,
    barsize: 24,
  })
  let started = false
  return {
    update: (step) => {
      const [received, total] = [step.received_bytes ?? 0, step.total_bytes ?? null]
      const shown = {
        file: printableLine(name),
        received: formatBytes(received),
        size: formatBytes(total),
      }
      if (!started) bar.start(total ?? 1, 0, shown)
      started = true
      if (total !== null) bar.setTotal(total)
      bar.update(total === null ? 0 : received, shown)
    },
    stop: () => {
      if (started) bar.stop()
    },
  }
}
