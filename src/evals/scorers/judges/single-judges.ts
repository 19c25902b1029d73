/** The judges that ask one model: who can sit on a jury, and whom an assertion of an item can name. */

import type { ScorerKind } from '../scorer.ts'
import { answerRelevance } from './answer-relevance.ts'
import { closedQa } from './closed-qa.ts'
import { contextRelevance } from './context-relevance.ts'
import { factuality } from './factuality.ts'
import { faithfulness } from './faithfulness.ts'
import { pairwise } from './pairwise.ts'
import { rubric } from './rubric.ts'

export const SINGLE_JUDGES: readonly ScorerKind[] = [
  rubric,
  closedQa,
  factuality,
  faithfulness,
  answerRelevance,
  contextRelevance,
  pairwise,
]
