/** `aval dataset export`: a version's items as they are, or as lines of a file that models are trained with. */

import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import type { Command } from 'commander'
import { printableJson, printableLine } from '../../../lib/printable.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../../context.ts'
import type { DatasetItem } from '../../datasets.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { itemsOf } from './items-of.ts'
import { type DatasetVersion, datasetPath, refOf } from './wire.ts'

type Options = { out?: string; format?: string; json?: boolean }
/** `left`: an item that gives no line, and why. */
type Line = { line: object } | { left: string }
type Written = { lines: number; left: { id: string; reason: string }[] }

/** More are counted. */
const MAX_SHOWN = 20

export function addDatasetExportCommand(dataset: Command, context: CliContext): void {
  withExamples(
    withJson(
      dataset
        .command('export')
        .argument('<dataset>', 'refund-questions for the newest version, or refund-questions@3')
        .description('its items as JSON lines, in their order; what a training format cannot say is left out')
        .option('--out <file>', 'into this new file (default: standard output)')
        .option(
          '--format <name>',
          'for training: openai-ft (examples to repeat), dpo (answers and better ones)',
        ),
    ),
    'aval dataset export refund-questions@3 > refund-questions.jsonl',
    'aval dataset export refund-questions --out refund-questions.jsonl',
    'aval dataset export refund-questions --format dpo --out refunds-dpo.jsonl',
  ).action(context.run((ref: string, options: Options) => exportItems(context, ref, options)))
}

async function exportItems(context: CliContext, ref: string, options: Options): Promise<number> {
  const { out, json } = options
  if (json === true && out === undefined) {
    throw new CliError(
      EXIT.usage,
      '--json counts what was written, so the lines need a file: --out items.jsonl',
    )
  }
  const lineOf = await lineMaker(context, options.format)
  // The newest may become another one between two pages.
  const version = await context.client.json<DatasetVersion>({ method: 'GET', path: datasetPath(ref) })
  const written = await write(context, version, { lineOf, out })
  report(context, version, { written, options })
  return written.left.length > 0 ? EXIT.emptyInput : EXIT.done
}

/** Throws CliError for a format that there is not. */
async function lineMaker(
  { actions }: CliContext,
  format: string | undefined,
): Promise<(item: DatasetItem) => Promise<Line>> {
  if (format === undefined) return async (item) => ({ line: item })
  const known = await actions.datasets.trainingFormats()
  if (known.includes(format)) return (item) => actions.datasets.trainingExample(item, format)
  const shown = printableLine(format.slice(0, 40))
  throw new CliError(EXIT.usage, `--format ${shown}: no format that is known. Known: ${known.join(', ')}.`)
}

/** Never over a file that is there, and never half of it, which would look like all of it. */
async function write(
  { client, terminal }: CliContext,
  version: DatasetVersion,
  { lineOf, out }: { lineOf: (item: DatasetItem) => Promise<Line>; out: string | undefined },
): Promise<Written> {
  const file = out === undefined ? null : openNew(out)
  const written: Written = { lines: 0, left: [] }
  let isWhole = false
  try {
    for await (const page of itemsOf(client, version)) {
      for (const { id, item } of page) {
        const made = await lineOf(item)
        if ('left' in made) {
          written.left.push({ id, reason: made.left })
          continue
        }
        const line = `${printableJson(made.line, 0)}\n`
        if (file === null) terminal.write(line)
        else writeSync(file, line)
        written.lines += 1
      }
    }
    isWhole = written.lines > 0
  } finally {
    if (file !== null) closeSync(file)
    if (out !== undefined && !isWhole) rmSync(out)
  }
  return written
}

function report(
  context: CliContext,
  version: DatasetVersion,
  { written: { lines, left }, options }: { written: Written; options: Options },
): void {
  const { terminal } = context
  const { out = null, format = null, json } = options
  if (json === true) {
    writeJson(context, { dataset: refOf(version), format, lines, left, out: lines === 0 ? null : out })
    return
  }
  for (const { id, reason } of left.slice(0, MAX_SHOWN))
    terminal.writeError(`left out ${printableLine(id)}: ${printableLine(reason)}.\n`)
  if (left.length > MAX_SHOWN)
    terminal.writeError(`left out ${left.length - MAX_SHOWN} more; --json lists them.\n`)
  if (lines === 0) {
    terminal.writeError(
      `No item of ${refOf(version)} gives a line of ${format ?? 'JSON'}. Nothing was written.\n`,
    )
  } else if (out !== null) {
    const of = left.length === 0 ? `${lines} items` : `${lines} of ${version.items} items`
    terminal.write(`${of} of ${refOf(version)} in ${printableLine(out)}\n`)
  }
}

function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why =
      code === 'EEXIST' ? 'is there already, and is not written over' : `cannot be written (${code})`
    throw new CliError(EXIT.usage, `--out: ${printableLine(path)} ${why}. Choose another name.`)
  }
}
