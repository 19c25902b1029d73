/** The thread in which a calibration's statistics are made: rated tasks in, figures out. */

import { parentPort, workerData } from 'node:worker_threads'
import { calibrationOf } from './calibrate.ts'

const given = workerData as Parameters<typeof calibrationOf>
parentPort?.postMessage(calibrationOf(...given))
