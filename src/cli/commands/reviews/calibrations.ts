/** `aval review calibrate|calibrations`: what ratings say of a judge, and whether it may decide. */

import type { Command } from 'commander'
import {
  type CliContext,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
} from '../../context.ts'
import { formatFields, formatTime } from '../../format.ts'
import { showList } from '../../list.ts'
import { type Calibration, queuePath } from './wire.ts'

export function addCalibrationCommands(review: Command, context: CliContext): void {
  withExamples(
    withJson(
      review
        .command('calibrate')
        .argument('<queue>', 'as aval review list shows it')
        .description('keep what the ratings say of the judge; it decides from now on if it qualifies'),
    ),
    'aval review calibrate support-polite',
  ).action(
    context.run(async (name: string, { json }: { json?: boolean }) => {
      const path = `${queuePath(name)}/calibrations`
      const made = await context.client.json<Calibration>({ method: 'POST', path })
      if (json) writeJson(context, made)
      else context.terminal.write(calibrationText(made))
    }),
  )
  withExamples(
    withPaging(
      review
        .command('calibrations')
        .description('what is known of judges, newest first')
        .option('--queue <queue>', 'of this queue only'),
    ),
    'aval review calibrations',
    'aval review calibrations --queue support-polite',
  ).action(
    context.run((options: ListOptions & { queue?: string }) =>
      showList<Calibration>(context, options, {
        path: '/api/calibrations',
        none: 'No calibrations. Make one of a queue that is rated: aval review calibrate <queue>',
        head: ['calibration', 'queue', 'judge', 'truths', 'kappa', 'may decide', 'by', 'made'],
        cells: ({ content: { about, figures }, ...row }) => [
          row.id,
          row.queue,
          about.judge.name,
          String(figures.truths),
          intervalText(figures.kappa) ?? '-',
          row.qualifies ? 'yes' : 'no',
          row.created_by_name ?? '-',
          formatTime(context.terminal, row.created_at),
        ],
      }),
    ),
  )
}

function calibrationText({ id, queue, qualifies, misses, content }: Calibration): string {
  const { judge } = content.about
  const { truths, unjudged, counts, ...figures } = content.figures
  const told = Object.entries(counts).map(([said, count]) => `${count} ${said}`)
  const left = unjudged === 0 ? '' : `; ${unjudged} more without a judgement`
  return formatFields([
    ['calibration', `${id}, of ${queue}`],
    ['judge', `${judge.name} (${judge.kind} v${judge.version})`],
    ['truths', `${truths} (${told.join(', ')})${left}`],
    ['kappa', intervalText(figures.kappa)],
    ['AC1', intervalText(figures.ac1)],
    ['sensitivity', intervalText(figures.sensitivity)],
    ['specificity', intervalText(figures.specificity)],
    ['people', figures.people === null ? null : `${intervalText(figures.people)} among themselves`],
    ['may decide', qualifies ? 'yes' : `no. ${misses.join(' ')}`],
  ])
}

function intervalText(of: { estimate: number; low: number; high: number } | null): string | null {
  if (of === null) return null
  return `${of.estimate.toFixed(2)} [${of.low.toFixed(2)} ${of.high.toFixed(2)}]`
}
