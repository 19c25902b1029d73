/** `aval bench groundedness`: what the scorer `grounded` is worth on labelled answers, beside the floors. Needs no server. */

import type { Command } from 'commander'
import { printable, printableLine } from '../../lib/printable.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../context.ts'
import { formatTable } from '../format.ts'
import { type Look, startProgress } from '../progress.ts'
import type { GroundednessFigures } from '../quality.ts'
import { Rate } from '../rate.ts'
import { ends, figure, signed } from './bench-figures.ts'

type Options = { data: string; models?: string; model: string; detector?: string; json?: boolean }
type Set = GroundednessFigures['sets'][number]
type Scorer = Set['figures'][number]

const LOOK: Look = {
  bar: '{what}  {bar} {percentage} %  {value} of {total} answers  {rate}',
  line: ({ total, phase, words }, percent) =>
    `${phase}  ${percent ?? 0} % of ${total} answers  ${words?.rate}`.trim(),
}

export function addBenchGroundedness(bench: Command, context: CliContext): void {
  withExamples(
    withJson(
      bench
        .command('groundedness')
        .description('AUROC, balanced accuracy and calibration of the scorer grounded, and of trivial floors')
        .requiredOption(
          '--data <folder>',
          'sets of one file each, <name>.jsonl or .jsonl.gz: rows of context, response, label and group',
        )
        .option('--models <folder>', 'more models for the upstream local')
        .option(
          '--model <model>',
          'upstream/model that embeds; the weights were fitted on the default',
          'local/embed',
        )
        .option('--detector <model>', 'upstream/model that scores evidence and claim as a pair (rerank)'),
    ),
    'aval bench groundedness --data sets',
    'aval bench groundedness --data sets --json > groundedness.json',
    'aval bench groundedness --data sets --models models --detector local/nli-cross-encoder',
  ).action(context.run((options: Options) => benchGroundedness(context, options)))
}

async function benchGroundedness(context: CliContext, options: Options): Promise<undefined> {
  const { terminal } = context
  const rate = new Rate(context.nowMs)
  const progress = startProgress(terminal, LOOK, options.json === true)
  try {
    const figures = await context.actions.quality.groundedness({
      data: options.data,
      model: options.model,
      detector: options.detector ?? null,
      modelsFolder: options.models ?? null,
      onStep: ({ set, done, total }) => {
        const phase = printableLine(set)
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

function textOf({ sets, heldOut, detector }: GroundednessFigures): string {
  const notes = [
    'minus: grounded minus that floor, in the same draws of groups. Balanced accuracy: grounded at 0.5, a floor at the',
    'threshold that is best on all other sets. Calibration error at the share of supported answers that the set has.',
    ...(detector === null ? [] : [`Scored together with the detector ${detector}.`]),
    ...(heldOut.length === 0 ? [] : [`Judged by weights fitted without the set: ${heldOut.join(', ')}.`]),
  ]
  return `${sets.map(setText).join('\n')}\n${notes.map((note) => `${note}\n`).join('')}`
}

function setText(set: Set): string {
  const { rows, scored, unsupported, groups, msPerItem } = set
  const left = scored === rows ? '' : `, ${rows - scored} with nothing to judge`
  const title = `${set.set}: ${scored} answers (${unsupported} unsupported) in ${groups} groups${left}, ${msPerItem.toFixed(1)} ms each`
  const head = ['', 'AUROC [95 %]', 'minus [95 %]', 'balanced accuracy', 'calibration error']
  return `${printableLine(title)}\n\n${formatTable(
    head,
    set.figures.map((row) => cellsOf(row, set.bestFloor)),
  )}`
}

function cellsOf(row: Scorer, bestFloor: string | null): string[] {
  const { scorer, auroc, interval, difference, balancedAccuracy, calibrationError } = row
  return [
    scorer === bestFloor ? `${scorer} (best floor)` : scorer,
    auroc === null || interval === null ? '-' : `${figure(auroc)} ${ends(interval, figure)}`,
    difference === null ? '' : `${signed(difference.mean)} ${ends(difference.interval, signed)}`,
    balancedAccuracy === null ? '-' : figure(balancedAccuracy),
    calibrationError === null ? '' : figure(calibrationError),
  ]
}

function jsonOf({ model, detector, weights, heldOut, sets }: GroundednessFigures): object {
  return {
    model,
    detector,
    weights,
    held_out: heldOut,
    sets: sets.map(({ set, rows, scored, unsupported, groups, msPerItem, bestFloor, figures }) => ({
      set,
      rows,
      scored,
      unsupported,
      groups,
      ms_per_item: msPerItem,
      best_floor: bestFloor,
      scorers: figures.map(({ balancedAccuracy, calibrationError, ...rest }) => ({
        ...rest,
        balanced_accuracy: balancedAccuracy,
        calibration_error: calibrationError,
      })),
    })),
  }
}
