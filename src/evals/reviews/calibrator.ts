/** Calibrations made beside the thread that serves. Loads none of the statistics itself. */

import { inTurn } from '../in-thread.ts'
import type { CalibrationFigures, calibrationOf } from './calibrate.ts'

/** As `calibrationOf`; also rejects with LimitError while too many wait. */
export type Calibrator = (...given: Parameters<typeof calibrationOf>) => Promise<CalibrationFigures>

/** 5,000 tasks of nine reviewers take about two seconds. */
const LIMIT_MS = 60_000

/** Each calibration has a thread that ends with it. */
export function createCalibrator(): Calibrator {
  const file = new URL('./calibration-thread.ts', import.meta.url)
  const made = inTurn<Parameters<typeof calibrationOf>, CalibrationFigures>(file, {
    what: 'calibrations',
    limitMs: LIMIT_MS,
  })
  return (...given) => made(given)
}
