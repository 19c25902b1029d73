/** The thread in which a verdict's statistics are made: two measured runs in, the verdict out. */

import { parentPort, workerData } from 'node:worker_threads'
import { verdictOf } from '../runs/verdict.ts'

const given = workerData as Parameters<typeof verdictOf>
parentPort?.postMessage(verdictOf(...given))
