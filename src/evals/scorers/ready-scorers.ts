/** The scorers of a run or of an order, compiled once: each judges without ever throwing. */

import { RequestError } from '../../errors.ts'
import type { JudgeWith } from '../runs/judge-unit.ts'
import { judgeSafely } from './judge-safely.ts'
import { prepareScorer } from './registry.ts'

/**
 * Throws RequestError for a kind that this version does not have, or judges by other rules than when it was begun: scores
 * of one run or order are made alike.
 */
export const readyScorers: JudgeWith = (scorers) =>
  scorers.map(({ name, kind, version, settings }) => {
    const prepared = prepareScorer({ kind, settings })
    if (prepared.version !== version) {
      const message = `This was begun with ${kind} version ${version}, and this version of Aval judges by version ${prepared.version}. Run the suite anew, or order live scores anew.`
      throw new RequestError('conflict', message, { param: name })
    }
    return { name, version, judge: (sample, given) => judgeSafely(prepared, sample, given) }
  })
