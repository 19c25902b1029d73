/** `aval bench drift`: how many labelled anomalies the drift detector finds, and how many alarms are false. Needs no server. */

import type { Command } from 'commander'
import { type CliContext, withExamples, withJson } from '../context.ts'
import { formatTable } from '../format.ts'
import type { AlarmFigures, DriftFigures } from '../quality.ts'
import { figure, showMeasured } from './bench-figures.ts'

type Options = { data: string; json?: boolean }
type Row = DriftFigures['settings'][number]['rows'][number]

export function addBenchDrift(bench: Command, context: CliContext): void {
  withExamples(
    withJson(
      bench
        .command('drift')
        .description('recall, precision, false alarms and delay of the drift detector, beside random alarms')
        .requiredOption(
          '--data <folder>',
          'holds nab/: windows.json, and series as <group>/<name>.csv or .csv.gz with timestamp and value',
        ),
    ),
    'aval bench drift --data sets',
    'aval bench drift --data sets --json > drift.json',
  ).action(context.run((options: Options) => benchDrift(context, options)))
}

async function benchDrift(context: CliContext, options: Options): Promise<undefined> {
  return await showMeasured(
    context,
    { json: options.json === true, unit: 'series' },
    (onStep) =>
      context.actions.quality.drift({
        data: options.data,
        onStep: ({ setting, done, total }) => onStep({ phase: setting, done, total }),
      }),
    { text: textOf, json: jsonOf },
  )
}

function textOf({ settings }: DriftFigures): string {
  const head = ['', 'series', 'windows', 'recall', 'precision', 'false_per_1000', 'delay', 'random floor']
  const tables = settings.map(
    ({ setting, rows }) => `${setting}, the same for all series\n\n${formatTable(head, rows.map(cellsOf))}`,
  )
  const notes = [
    'precision: windows found / (windows found + false episodes). false_per_1000: false episodes in 1,000 points.',
    'delay: median points from the start of a window to its first alarm.',
    'random floor: recall / precision of as many alarms at random, mean of 20 rounds.',
  ]
  return `${tables.join('\n')}\n${notes.map((note) => `${note}\n`).join('')}`
}

function cellsOf({ name, series, windows, floor, ...figures }: Row): string[] {
  return [
    name,
    String(series),
    String(windows),
    shown(figures.recall),
    shown(figures.precision),
    shown(figures.falsePer1000),
    figures.delay === null ? '-' : String(figures.delay),
    `${shown(floor.recall)} / ${shown(floor.precision)}`,
  ]
}

function shown(value: number | null): string {
  return value === null ? '-' : figure(value)
}

/** Of all series together, by setting. */
function jsonOf({ settings }: DriftFigures): object {
  return Object.fromEntries(
    settings.map(({ setting, rows }) => {
      const all = rows.find(({ name }) => name === 'all')
      return [setting, all && { ...figuresOf(all), random_floor: figuresOf(all.floor) }]
    }),
  )
}

function figuresOf({ recall, precision, falsePer1000, delay }: AlarmFigures): object {
  return { recall, precision, false_per_1000: falsePer1000, delay }
}
