/** `aval import promptfoo|langfuse-export|openai-evals`: prompts of other products as files of prompts/. */

import type { Command } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import {
  type CliContext,
  type ImportFormat,
  type ImportResult,
  withExamples,
  withJson,
  writeJson,
} from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { colorsOf } from '../../terminal.ts'

type Options = { force?: boolean; dryRun?: boolean; json?: boolean }

const FORMATS: readonly { format: ImportFormat; file: string; description: string; examples: string[] }[] = [
  {
    format: 'promptfoo',
    file: 'a promptfoo config; the files it names are read from its folder',
    description: 'the prompts of a promptfoo config',
    examples: [
      'aval import promptfoo promptfooconfig.yaml',
      'aval import promptfoo promptfooconfig.yaml --dry-run',
    ],
  },
  {
    format: 'langfuse-export',
    file: 'JSON: prompts as Langfuse answers them, one, a list, or one a line',
    description: 'prompts of Langfuse, each in its production version, else its newest',
    examples: [
      'aval import langfuse-export prompts.json',
      'aval import langfuse-export prompts.json --force',
    ],
  },
  {
    format: 'openai-evals',
    file: 'JSON lines, each with an input',
    description: 'the prompt that samples of openai/evals share',
    examples: ['aval import openai-evals evals/registry/data/arithmetic/samples.jsonl'],
  },
]
const STATUS_WIDTH = 'unchanged'.length

export function addImportCommands(program: Command, context: CliContext): void {
  const command = program
    .command('import')
    .description('make files of prompts/ from what another product has; needs no server')
  for (const { format, file, description, examples } of FORMATS) {
    withExamples(
      withJson(
        command
          .command(format)
          .argument('<file>', file)
          .description(description)
          .option('--force', 'also replace files that have another content')
          .option('--dry-run', 'say what would be written, and write nothing'),
      ),
      ...examples,
    ).action(context.run((path: string, options: Options) => importFrom(context, format, path, options)))
  }
}

async function importFrom(
  context: CliContext,
  format: ImportFormat,
  path: string,
  { force = false, dryRun = false, json = false }: Options,
): Promise<number> {
  const result = await context.actions.prompts.importFrom(format, path, { force, dryRun })
  if (json) writeJson(context, { ...result, left_out: result.leftOut, leftOut: undefined })
  else writeResult(context, result)
  const refused = result.prompts.filter(({ status }) => status === 'refused')
  if (refused.length > 0) {
    const paths = refused.map((one) => one.path).join(', ')
    context.terminal.writeError(
      `${printableLine(`Nothing was written: ${paths} ${refused.length === 1 ? 'has' : 'have'} another content. Look at it, then add --force.`)}\n`,
    )
    return EXIT.usage
  }
  return result.prompts.length === 0 ? EXIT.emptyInput : EXIT.done
}

function writeResult({ terminal }: CliContext, { prompts, leftOut, written }: ImportResult): void {
  const colors = colorsOf(terminal)
  for (const { status, path, source } of prompts) {
    const word = status.padEnd(STATUS_WIDTH)
    const shown = status === 'refused' ? colors.red(word) : status === 'unchanged' ? word : colors.green(word)
    terminal.write(`${shown}  ${path}  ${colors.dim(printableLine(source))}\n`)
  }
  for (const { what, count, reason } of leftOut) {
    const times = count === 1 ? '' : ` (${count})`
    terminal.write(`${'left out'.padEnd(STATUS_WIDTH)}  ${printableLine(`${what}${times}: ${reason}`)}\n`)
  }
  const lost = sum(leftOut.filter(({ kind }) => kind === 'prompt'))
  const others = sum(leftOut.filter(({ kind }) => kind === 'other'))
  terminal.write(
    `\n${prompts.length} ${prompts.length === 1 ? 'prompt' : 'prompts'} carried over${written ? '' : ', none written'}; left out: ${lost} ${lost === 1 ? 'prompt' : 'prompts'}, ${others} other ${others === 1 ? 'thing' : 'things'}.\n`,
  )
  if (written && prompts.length > 0) terminal.write('Next: aval prompt check, then aval prompt push.\n')
}

function sum(leftOut: ImportResult['leftOut']): number {
  return leftOut.reduce((total, { count }) => total + count, 0)
}
