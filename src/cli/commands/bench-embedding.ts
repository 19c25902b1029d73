/** `aval bench embedding`: what embedding models are worth on pairs of texts that people compared. Needs no server. */

import type { Command } from 'commander'
import { printable, printableLine } from '../../lib/printable.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../context.ts'
import { formatTable } from '../format.ts'
import { type Look, startProgress } from '../progress.ts'
import type { EmbeddingFigures } from '../quality.ts'
import { Rate } from '../rate.ts'
import { ends, figure, signed } from './bench-figures.ts'

type Options = { data: string; models?: string; model?: string[]; json?: boolean }
type Set = EmbeddingFigures['sets'][number]

const LOOK: Look = {
  bar: '{what}  {bar} {percentage} %  {value} of {total} texts  {rate}',
  line: ({ total, phase, words }, percent) =>
    `${phase}  ${percent ?? 0} % of ${total} texts  ${words?.rate}`.trim(),
}
const DEFAULT_MODEL = 'local/embed'

export function addBenchEmbedding(bench: Command, context: CliContext): void {
  withExamples(
    withJson(
      bench
        .command('embedding')
        .description(
          'rank correlation of cosines with people’s scores of pairs of texts, beside trivial floors',
        )
        .requiredOption(
          '--data <folder>',
          'sets of one file each, <name>.jsonl or .jsonl.gz: rows of a, b and score',
        )
        .option(
          '--model <models...>',
          `upstream/model that embeds, one or more (default: "${DEFAULT_MODEL}")`,
        )
        .option('--models <folder>', 'more models for the upstream local'),
    ),
    'aval bench embedding --data sets',
    'aval bench embedding --data sets --models models --model local/embed local/all-MiniLM-L6-v2',
    'aval bench embedding --data sets --json > embedding.json',
  ).action(context.run((options: Options) => benchEmbedding(context, options)))
}

async function benchEmbedding(context: CliContext, options: Options): Promise<undefined> {
  const { terminal } = context
  const rate = new Rate(context.nowMs)
  const progress = startProgress(terminal, LOOK, options.json === true)
  try {
    const figures = await context.actions.quality.embedding({
      data: options.data,
      models: [...new Set(options.model ?? [DEFAULT_MODEL])],
      modelsFolder: options.models ?? null,
      onStep: ({ set, model, done, total }) => {
        const phase = printableLine(`${set}, ${model}`)
        progress.update({ done, total, phase, words: { what: phase, rate: rate.text(phase, done, total) } })
      },
    })
    progress.stop()
    if (options.json) writeJson(context, jsonOf(figures))
    else terminal.write(printable(textOf(figures)))
  } finally {
    progress.stop()
  }
  return undefined
}

function textOf({ sets }: EmbeddingFigures): string {
  const notes = [
    'Spearman: rank correlation with people’s scores. minus: the model minus the best floor, in the same draws of pairs.',
    'Which floor is best is read off the set itself.',
    'shared_words, shared_letters: what two texts share of their words, or of three letters in a row; length: of their lengths.',
  ]
  return `${sets.map(setText).join('\n')}\n${notes.map((note) => `${note}\n`).join('')}`
}

function setText({ set, pairs, bestFloor, rows }: Set): string {
  const head = ['', 'Spearman [95 %]', 'minus best floor [95 %]', 'dimensions', 'ms a text']
  const cells = rows.map(({ scorer, spearman, interval, difference, dimensions, msPerText }) => [
    scorer === bestFloor ? `${scorer} (best floor)` : scorer,
    spearman === null || interval === null ? '-' : `${figure(spearman)} ${ends(interval, figure)}`,
    difference === null ? '' : `${signed(difference.mean)} ${ends(difference.interval, signed)}`,
    dimensions === null ? '' : String(dimensions),
    msPerText === null ? '' : msPerText.toFixed(2),
  ])
  return `${printableLine(`${set}: ${pairs} pairs`)}\n\n${formatTable(head, cells)}`
}

function jsonOf({ sets }: EmbeddingFigures): object {
  return {
    sets: sets.map(({ set, pairs, bestFloor, rows }) => ({
      set,
      pairs,
      best_floor: bestFloor,
      scorers: rows.map(({ isFloor, msPerText, ...rest }) => ({
        ...rest,
        is_floor: isFloor,
        ms_per_text: msPerText,
      })),
    })),
  }
}
