/** `aval dataset from-requests`: requests of the log as the next version of a dataset, each item with the request it is of. */

import { writeFileSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import type { Client } from '../../client.ts'
import { type CliContext, wholeNumber, withExamples, withJson, writeJson } from '../../context.ts'
import type { DatasetItem } from '../../datasets.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { type Candidate, type Gathered, gather } from '../../replay/gather.ts'
import { SKIP_REASONS } from '../../replay/logged.ts'
import { ENDED_BY } from '../../replay/report.ts'
import { filterWords, type ListFilters, withListFilters, withPurpose } from '../../request-filters.ts'
import { pushingItems, pushVersion } from './push-items.ts'
import { isDatasetName, refOf } from './wire.ts'

type Options = {
  limit: number
  purpose?: string
  description?: string
  out?: string
  json?: boolean
} & ListFilters
type Made = {
  items: DatasetItem[]
  /** Why requests are no items, and how many. */
  left: Map<string, number>
  withoutOutput: number
  /** Of requests whose index has the passages no more. */
  withoutContexts: number
}

const DEFAULT_LIMIT = 200
/** Their bodies are held until they are sent. */
const MAX_LIMIT = 5_000

export function addDatasetFromRequestsCommand(dataset: Command, context: CliContext): void {
  const command = dataset
    .command('from-requests')
    .argument('<name>', 'of the dataset')
    .description(
      'make a version of logged requests, newest first (admin, or auditor with engineer); what was answered is kept as output, never as expected',
    )
  withExamples(
    withJson(
      withPurpose(withListFilters(command))
        .option('--limit <count>', `requests at most, up to ${MAX_LIMIT}`, upToLimit, DEFAULT_LIMIT)
        .option('--description <text>', 'what the examples are, for people')
        .option('--out <file>', 'write them to this new file as JSON lines, for labelling; push nothing'),
    ),
    'aval dataset from-requests live-refunds --route support-answer --since 7d --purpose "refund evaluation"',
    'aval dataset from-requests live-refunds --since 1d --text refund --out refunds.jsonl',
  ).action(context.run((name: string, options: Options) => fromRequests(context, name, options)))
}

function upToLimit(text: string): number {
  const value = wholeNumber(text)
  if (value > MAX_LIMIT) throw new InvalidArgumentError(`Write a whole number from 1 to ${MAX_LIMIT}.`)
  return value
}

async function fromRequests(context: CliContext, name: string, options: Options): Promise<number> {
  if (!isDatasetName(name)) {
    const rule = 'Write lower-case letters, digits and hyphens, at most 63'
    throw new CliError(EXIT.usage, `"${printableLine(name.slice(0, 80))}" is no name of a dataset. ${rule}.`)
  }
  const { limit, purpose = `dataset ${name}`, description, out, json, ...filters } = options
  // What a shadow mirrored is the app's own question again.
  const query = filterWords({ ...filters, shadow: filters.shadow ?? false })
  const gathered = await gather(context.client, { query, limit, purpose }, context.stop)
  const made = await itemsOf(context, gathered, purpose)
  if (context.stop.aborted) {
    context.terminal.writeError('Stopped. Nothing was pushed.\n')
    return EXIT.ours
  }
  if (json !== true) writeRemarks(context, gathered, made, limit)
  const figures = figuresOf(gathered, made)
  if (made.items.length === 0) {
    if (json) writeJson(context, { dataset: null, ...figures })
    else
      context.terminal.write(
        'No request became an item. Look further back with --since 30d, or drop a filter.\n',
      )
    return EXIT.emptyInput
  }
  if (out !== undefined) {
    writeNew(out, made.items)
    if (json) writeJson(context, { dataset: null, out, ...figures })
    else
      context.terminal.write(
        `${made.items.length} items in ${printableLine(out)}. Push it: aval dataset push ${printableLine(out)} --name ${name}\n`,
      )
    return EXIT.done
  }
  const pusher = pushingItems(context.client, () => undefined)
  for (const item of made.items) await pusher.add(item, Buffer.byteLength(JSON.stringify(item)))
  const pushed = await pushVersion(context.client, { name, items: await pusher.finish(), description })
  if (json) writeJson(context, { dataset: pushed, ...figures })
  else {
    const what = pushed.created ? 'made' : 'has these items already'
    context.terminal.write(`${refOf(pushed)} ${what}: ${pushed.items} items, ${pushed.hash.slice(0, 12)}\n`)
  }
  return EXIT.done
}

async function itemsOf(context: CliContext, gathered: Gathered, purpose: string): Promise<Made> {
  const made: Made = { items: [], left: new Map(), withoutOutput: 0, withoutContexts: 0 }
  for (const [reason, count] of gathered.skipped) made.left.set(SKIP_REASONS[reason], count)
  for (const candidate of gathered.candidates) {
    if (context.stop.aborted) break
    await addItem(context, made, candidate, purpose)
  }
  return made
}

async function addItem(
  context: CliContext,
  made: Made,
  candidate: Candidate,
  purpose: string,
): Promise<void> {
  const { logged, operation, bytes, answer } = candidate
  const contexts = await contextsOf(context.client, candidate, purpose)
  const one = await context.actions.datasets.itemOf({
    id: logged.id,
    operation,
    route: logged.route,
    model: logged.model,
    subject: logged.subject,
    startedAt: logged.started_at,
    body: bytes.toString('utf8'),
    answer,
    contexts: contexts ?? [],
  })
  if ('left' in one) {
    made.left.set(one.left, (made.left.get(one.left) ?? 0) + 1)
    return
  }
  made.items.push(one.item)
  if (answer === null) made.withoutOutput += 1
  if (contexts === null) made.withoutContexts += 1
}

/** Null when they are gone. Most requests search no index, and are not asked about. */
async function contextsOf(client: Client, { logged }: Candidate, purpose: string): Promise<string[] | null> {
  if (logged.index === null) return []
  const { state, contexts } = await client.json<{ state: string; contexts: { text: string }[] }>({
    method: 'GET',
    path: `/api/requests/${encodeURIComponent(logged.id)}/contexts`,
    query: { purpose },
  })
  return state === 'gone' ? null : contexts.map(({ text }) => text)
}

function figuresOf({ endedBy }: Gathered, { items, left, withoutOutput, withoutContexts }: Made) {
  return {
    items: items.length,
    left: Object.fromEntries(left),
    without_output: withoutOutput,
    without_contexts: withoutContexts,
    ended_by: endedBy,
  }
}

/** Nothing that is missing is missing silently. */
function writeRemarks(
  { terminal }: CliContext,
  { endedBy, candidates }: Gathered,
  made: Made,
  limit: number,
): void {
  for (const [reason, count] of made.left)
    terminal.writeError(`${count} left out: ${printableLine(reason)}.\n`)
  if (made.withoutOutput > 0) {
    const why = 'not completed, kept in part, or with values taken out of the answer'
    terminal.writeError(`${made.withoutOutput} without output: ${why}.\n`)
  }
  if (made.withoutContexts > 0) {
    terminal.writeError(`${made.withoutContexts} without contexts: their index has the passages no more.\n`)
  }
  if (endedBy !== null) terminal.writeError(`${ENDED_BY[endedBy]}\n`)
  else if (candidates.length >= limit)
    terminal.writeError(`Older requests were not looked at: --limit is ${limit}.\n`)
}

/** Never over a file that is there: it may hold an afternoon of labelling. For its owner alone, as bodies are in it. */
function writeNew(path: string, items: readonly DatasetItem[]): void {
  try {
    writeFileSync(path, items.map((item) => `${JSON.stringify(item)}\n`).join(''), {
      flag: 'wx',
      mode: 0o600,
    })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why =
      code === 'EEXIST' ? 'is there already, and is not written over' : `cannot be written (${code})`
    throw new CliError(EXIT.usage, `--out: ${printableLine(path)} ${why}. Choose another name.`)
  }
}
