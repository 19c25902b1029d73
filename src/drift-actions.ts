/** What `aval bench drift` does on this machine: labelled series read, the drift detector run over them, alarms counted. */

import { join, resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { type BenchDeps, inOrder } from './bench-parts.ts'
import { CliError, EXIT } from './cli/exit-codes.ts'
import type { DriftFigures, DriftOptions } from './cli/quality.ts'
import { type LabelledSeries, readLabelledSeries } from './monitoring/bench/labelled-series.ts'
import { alarmsOf, measureAlarms } from './monitoring/bench/measure-detector.ts'
import { SETTINGS } from './monitoring/detectors/detector.ts'

type Measured = { series: LabelledSeries; alarms: readonly number[] }

/** Rejects with CliError for folders and files with mistakes, and when the process is told to stop. */
export async function benchDrift(
  deps: Pick<BenchDeps, 'directory' | 'stop'>,
  options: DriftOptions,
): Promise<DriftFigures> {
  const { series } = inOrder(readLabelledSeries(join(resolve(deps.directory, options.data), 'nab')))
  const settings: DriftFigures['settings'][number][] = []
  for (const [setting, chosen] of Object.entries(SETTINGS)) {
    const all: Measured[] = []
    for (const one of series) {
      // A signal is heard between series.
      await setImmediate()
      if (deps.stop.aborted) throw new CliError(EXIT.ours, 'Stopped before the end.')
      all.push({ series: one, alarms: alarmsOf(one, chosen) })
      options.onStep({ setting, done: all.length, total: series.length })
    }
    settings.push({ setting, rows: rowsOf(all) })
  }
  return { settings }
}

/** Each group, every other series from the first and from the second, and all. */
function rowsOf(all: readonly Measured[]): DriftFigures['settings'][number]['rows'] {
  const groups = [...new Set(all.map(({ series }) => series.group))]
  const parts: [name: string, isIn: (measured: Measured, at: number) => boolean][] = [
    ...groups.map((group): [string, (measured: Measured) => boolean] => [
      group,
      ({ series }) => series.group === group,
    ]),
    ['series 1, 3, 5…', (_, at) => at % 2 === 0],
    ['series 2, 4, 6…', (_, at) => at % 2 === 1],
    ['all', () => true],
  ]
  return parts.map(([name, isIn]) => {
    const part = all.filter(isIn)
    const windows = part.reduce((sum, { series }) => sum + series.windows.length, 0)
    return { name, series: part.length, windows, ...measureAlarms(part) }
  })
}
