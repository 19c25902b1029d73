/** `aval dataset push`: a file of examples as the next version of a dataset. All of it is looked at before any of it is sent. */

import { basename } from 'node:path'
import type { Command } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { type Look, startProgress } from '../../progress.ts'
import { pushingItems, pushVersion } from './push-items.ts'
import { isDatasetName, type PushedDataset, refOf } from './wire.ts'

type Options = {
  name?: string
  format?: string
  schema?: string
  description?: string
  dryRun?: boolean
  json?: boolean
}
type Survey = {
  format: string
  /** Of the items, in their order. */
  hashes: string[]
  /** What is said of rows, and of how many. */
  notes: Map<string, number>
  left: Map<string, number>
}

const LOOK: Look = {
  bar: '{bar} {percentage} %  {value} of {total} items  eta {eta_formatted}',
  line: ({ done, total }) => `${done} of ${total} items pushed`,
}
/** More are no help to a person. */
const MAX_PROBLEMS = 21

export function addDatasetPushCommand(dataset: Command, context: CliContext): void {
  withExamples(
    withJson(
      dataset
        .command('push')
        .argument('<file>', '.jsonl, .csv, .json or .yaml')
        .description(
          'make a version of the examples in a file; the same examples are the version that has them',
        )
        .option('--name <name>', 'of the dataset (default: that of the file)')
        .option(
          '--format <format>',
          'aval, promptfoo, openai, openai-evals, langfuse, langsmith, mlflow, deepeval or ragas (default: told from the rows)',
        )
        .option('--schema <file>', 'a JSON Schema that every item has to fit; it is part of the version')
        .option('--description <text>', 'what the examples are, for people')
        .option('--dry-run', 'look at the file and say what is in it; needs no server'),
    ),
    'aval dataset push refund-questions.jsonl',
    'aval dataset push tests.csv --name refund-questions --format promptfoo',
    'aval dataset push refund-questions.yaml --schema item.schema.json --dry-run',
  ).action(context.run((file: string, options: Options) => push(context, file, options)))
}

async function push(context: CliContext, file: string, options: Options): Promise<undefined> {
  const name = nameFor(file, options.name)
  const survey = await lookAt(context, file, options)
  const told = {
    format: survey.format,
    left: Object.fromEntries(survey.left),
    notes: Object.fromEntries(survey.notes),
  }
  if (options.json !== true) writeRemarks(context, survey)
  if (options.dryRun) {
    if (options.json) writeJson(context, { name, items: survey.hashes.length, ...told })
    else
      context.terminal.write(
        `${survey.hashes.length} items in the form of ${survey.format}. Nothing was pushed.\n`,
      )
    return undefined
  }
  const pushed = await sendVersion(context, file, name, options, survey)
  if (options.json) writeJson(context, { ...pushed, ...told })
  else {
    const what = pushed.created ? 'made' : 'has these items already'
    context.terminal.write(`${refOf(pushed)} ${what}: ${pushed.items} items, ${pushed.hash.slice(0, 12)}\n`)
  }
  return undefined
}

/** The version that a file is; says nothing unless rows are left out. Throws CliError as the command does. */
export async function pushDatasetFile(
  context: CliContext,
  file: string,
  options: Pick<Options, 'json'> & { name: string },
): Promise<PushedDataset> {
  const name = nameFor(file, options.name)
  const survey = await lookAt(context, file, options)
  if (options.json !== true) writeRemarks(context, survey)
  return await sendVersion(context, file, name, options, survey)
}

async function sendVersion(
  context: CliContext,
  file: string,
  name: string,
  options: Options,
  survey: Survey,
): Promise<PushedDataset> {
  const schema =
    options.schema === undefined ? undefined : await context.actions.datasets.schema(options.schema)
  await sendItems(context, file, options, survey)
  const { description } = options
  return await pushVersion(context.client, { name, items: survey.hashes, item_schema: schema, description })
}

function nameFor(file: string, given: string | undefined): string {
  const name = given ?? basename(file).replace(/\.[^.]+$/, '')
  if (isDatasetName(name)) return name
  const rule = 'lower-case letters, digits and hyphens, at most 63'
  const why =
    given === undefined ? `the file's name is no name of a dataset. Say --name: ${rule}` : `write ${rule}`
  throw new CliError(EXIT.usage, `--name ${printableLine(name.slice(0, 80))}: ${why}.`)
}

/** Throws CliError with every mistake up to a bound. */
async function lookAt({ actions }: CliContext, file: string, options: Options): Promise<Survey> {
  const survey: Survey = { format: 'aval', hashes: [], notes: new Map(), left: new Map() }
  const problems: string[] = []
  for await (const one of actions.datasets.read(file, readOptions(options))) {
    if (one.kind === 'format') survey.format = one.format
    else if (one.kind === 'item') survey.hashes.push(one.hash)
    else if (one.kind === 'problem') problems.push(one.text)
    else {
      const counts = one.kind === 'note' ? survey.notes : survey.left
      counts.set(one.text, (counts.get(one.text) ?? 0) + 1)
    }
    if (problems.length >= MAX_PROBLEMS) break
  }
  if (problems.length === 0) return survey
  throw new CliError(EXIT.emptyInput, `${problems.map(printableLine).join('\n')}\nNothing was pushed.`)
}

function readOptions({ format = null, schema = null }: { format?: string | null; schema?: string | null }) {
  return { format, schema }
}

/** The file is read again, so that a large one is never held; it has to say the same. */
async function sendItems(
  context: CliContext,
  file: string,
  options: Options,
  { hashes }: Survey,
): Promise<void> {
  const { client, actions, terminal } = context
  const total = hashes.length
  const progress = startProgress(terminal, LOOK, options.json === true)
  const pusher = pushingItems(client, (done) => progress.update({ done, total }))
  let at = 0
  try {
    for await (const one of actions.datasets.read(file, readOptions(options))) {
      if (one.kind === 'problem' || (one.kind === 'item' && one.hash !== hashes[at])) throw changed(file)
      if (one.kind !== 'item') continue
      at += 1
      await pusher.add(one.item, one.bytes)
    }
    const pushed = await pusher.finish()
    if (at !== total || pushed.length !== total || pushed.some((hash, place) => hash !== hashes[place]))
      throw changed(file)
  } finally {
    progress.stop()
  }
}

function changed(file: string): CliError {
  return new CliError(
    EXIT.emptyInput,
    `${file}: changed while it was read. No version was made; push it again.`,
  )
}

function writeRemarks({ terminal }: CliContext, { notes, left }: Survey): void {
  for (const [text, count] of left) terminal.writeError(`${count} left out: ${printableLine(text)}.\n`)
  for (const [text, count] of notes) terminal.writeError(`${count} of the items: ${printableLine(text)}.\n`)
}
