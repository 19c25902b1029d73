/** Scores that are learnt late, so that a change which takes days is not yet part of the past that it is judged by. */

import { addScores, learnScore, newScoreHistogram, type ScoreHistogram } from './score-histogram.ts'

/** `waiting`: scores of the period that is over; `gathered`: of the one under way. */
export type LateScores = { waiting: ScoreHistogram; gathered: ScoreHistogram }

/** Half a day of five-minute points: a score is learnt when it is between half a day and a day old. */
const PERIOD_POINTS = 144

export function newLateScores(): LateScores {
  return { waiting: newScoreHistogram(), gathered: newScoreHistogram() }
}

/** Changes both: the score counts in `past` after a whole period, or at once where `past` holds less than two periods. */
export function learnLate(late: LateScores, past: ScoreHistogram, score: number): void {
  if (past.total < 2 * PERIOD_POINTS) {
    learnScore(past, score)
    return
  }
  learnScore(late.gathered, score)
  if (late.gathered.total < PERIOD_POINTS) return
  addScores(past, late.waiting)
  late.waiting = late.gathered
  late.gathered = newScoreHistogram()
}
