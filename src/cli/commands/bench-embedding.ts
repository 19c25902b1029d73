/** `aval bench embedding`: what embedding models are worth on pairs of texts that people compared. Needs no server. */

import type { Command } from 'commander'
import { printableLine } from '../../lib/printable.ts'
import { type CliContext, withExamples, withJson } from '../context.ts'
import { formatTable } from '../format.ts'
import type { EmbeddingFigures } from '../quality.ts'
import { ends, figure, showMeasured, signed } from './bench-figures.ts'

type Options = { data: string; models?: string; model?: string[]; json?: boolean }
type Set = EmbeddingFigures['sets'][number]

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
  return await showMeasured(
    context,
    { json: options.json === true, unit: 'texts' },
    (onStep) =>
      context.actions.quality.embedding({
        data: options.data,
        models: [...new Set(options.model ?? [DEFAULT_MODEL])],
        modelsFolder: options.models ?? null,
        onStep: ({ set, model, done, total }) => onStep({ phase: `${set}, ${model}`, done, total }),
      }),
    { text: textOf, json: jsonOf },
  )
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
