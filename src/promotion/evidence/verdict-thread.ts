/** The thread in which the statistics of a promotion's verdict are made: policy and evidence in, the verdict out. */

import { parentPort, workerData } from 'node:worker_threads'
import { promotionVerdict } from './verdict.ts'

const [policy, evidence] = workerData as Parameters<typeof promotionVerdict>
parentPort?.postMessage(promotionVerdict(policy, evidence))
