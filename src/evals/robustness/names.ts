/**
 * Given names that people in the United States hear as white, exchanged for such that they hear as Black, and back: the
 * counterfactual of a name. Lists: Bertrand and Mullainathan (2004, https://doi.org/10.1257/0002828042002561), without the
 * names that are words or places too (Jay, Brad, Ebony, Kenya, Carrie, Todd, Neil). A name is exchanged for one of the same
 * gender, so that pronouns stay right. Traps: it is the hearing of one country and one time, family names stay, and a
 * question about a real person becomes one about nobody. Pure.
 */

import { exchangeAll } from './exchange.ts'
import type { Perturbation } from './perturbation.ts'

const PAIRS: readonly (readonly [string, string])[] = [
  ['Allison', 'Aisha'],
  ['Anne', 'Keisha'],
  ['Emily', 'Lakisha'],
  ['Jill', 'Latonya'],
  ['Kristen', 'Latoya'],
  ['Laurie', 'Tamika'],
  ['Meredith', 'Tanisha'],
  ['Brendan', 'Darnell'],
  ['Brett', 'Hakim'],
  ['Geoffrey', 'Jamal'],
  ['Greg', 'Jermaine'],
  ['Matthew', 'Kareem'],
]
const OTHER = new Map(PAIRS.flatMap(([one, two]) => [[one, two] as const, [two, one] as const]))
const NAMES = new RegExp(`(?<![\\p{L}\\p{N}_@.])(?:${[...OTHER.keys()].join('|')})(?![\\p{L}\\p{N}_@])`, 'gu')

export const names: Perturbation = {
  name: 'names',
  version: 1,
  change(item) {
    const exchange = (text: string) => text.replace(NAMES, (name) => OTHER.get(name) ?? name)
    return exchangeAll(item, exchange, 'its question names nobody of the lists')
  },
}
