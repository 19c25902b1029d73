/**
 * Passages in reverse: models read the middle of long contexts worse than the ends (Liu et al. 2024, “Lost in the Middle”,
 * https://doi.org/10.1162/tacl_a_00638). Trap: where an answer cites by number, the numbers of `expected` are those of the
 * original, so scorers of citations flip without fault. Pure.
 */

import { changePassages } from './passages.ts'
import type { Perturbation } from './perturbation.ts'

export const order: Perturbation = {
  name: 'order',
  version: 1,
  change(item) {
    return changePassages(item, 2, (passages) => passages.toReversed())
  },
}
