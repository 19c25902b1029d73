/** Waits for a run, and shows how far it is. */

import { printableLine } from '../../../lib/printable.ts'
import type { CliContext } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { type Look, startProgress } from '../../progress.ts'
import { Rate } from '../../rate.ts'
import { waitUntil } from '../../wait.ts'
import { batchText, type EvalRunProgress, isOver, runPath } from './wire.ts'

const LOOK: Look = {
  bar: '{what}  {bar} {value} of {total}  {rate}  {cost}  {trouble}',
  line: ({ total, phase, words }, percent) =>
    `${phase}  ${percent ?? 0} % of ${total}  ${words?.rate}  ${words?.cost}  ${words?.trouble}`.trimEnd(),
}

export async function followRun(context: CliContext, id: string, quiet: boolean): Promise<EvalRunProgress> {
  const progress = startProgress(context.terminal, LOOK, quiet)
  const rate = new Rate(context.nowMs)
  try {
    return await waitUntil(context, {
      look: async () => {
        const now = await context.client.json<EvalRunProgress>({ method: 'GET', path: runPath(id) })
        const { judged, total, cost_usd: cost, failed, errors, abstained } = now.progress
        const waiting = waitingText(now)
        const why = now.error === null ? waiting : `${waiting}: ${printableLine(now.error)}`
        progress.update({
          done: judged,
          total,
          phase: why,
          words: {
            what: why,
            rate: rate.text(id, judged, total),
            cost: cost === '0' ? '' : `$${cost}`,
            trouble: troubleOf({ failed, errors, abstained }),
          },
        })
        return now
      },
      isOver,
      later: `aval eval show ${id}`,
    })
  } finally {
    progress.stop()
  }
}

function waitingText(run: EvalRunProgress): string {
  if (run.state !== 'queued') return `${run.subject} ${printableLine(run.progress.waits_for ?? '')}`.trimEnd()
  return run.waits_until === null
    ? `${run.subject} waits for a worker`
    : `${run.subject} waits for batch: ${batchText(run) ?? ''}`
}

/** A run that failed has no figures; one that stopped has some, whose verdict says how much is missing, and this why. */
export function demandFigures(
  { terminal }: Pick<CliContext, 'terminal'>,
  { id, state, error }: EvalRunProgress,
): void {
  const why = printableLine(error ?? '')
  if (state === 'failed' || state === 'cancelled') {
    throw new CliError(EXIT.ours, `The run ${id} ${state}. ${why} Go on with it: aval eval resume ${id}`)
  }
  if (state === 'stopped')
    terminal.writeError(`Stopped. ${why} Go on with it: aval eval resume ${id} --budget …\n`)
}

function troubleOf(counts: Record<'failed' | 'errors' | 'abstained', number>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${what} ${count}`)
    .join('  ')
}
