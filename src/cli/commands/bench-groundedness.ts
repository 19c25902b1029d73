/** `aval bench groundedness`: what the scorer `grounded` is worth on labelled answers, beside the floors. Needs no server. */

import type { Command } from 'commander'
import { printableLine } from '../../lib/printable.ts'
import { type CliContext, withExamples, withJson } from '../context.ts'
import { formatTable } from '../format.ts'
import type { GroundednessFigures } from '../quality.ts'
import { ends, figure, showMeasured, signed } from './bench-figures.ts'

type Options = { data: string; models?: string; model: string; detector?: string; json?: boolean }
type Set = GroundednessFigures['sets'][number]
type Scorer = Set['figures'][number]

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
  return await showMeasured(
    context,
    { json: options.json === true, unit: 'answers' },
    (onStep) =>
      context.actions.quality.groundedness({
        data: options.data,
        model: options.model,
        detector: options.detector ?? null,
        modelsFolder: options.models ?? null,
        onStep: ({ set, done, total }) => onStep({ phase: set, done, total }),
      }),
    { text: textOf, json: jsonOf },
  )
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
