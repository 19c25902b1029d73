/** `node bench/coverage.ts [replications]`: how often the intervals of `src/lib/statistics` hold the truth of made-up evaluations. */

import { seededRandom } from '../src/lib/random.ts'
import {
  AGREEMENT_CASES,
  CORRECTED_CASES,
  type CoverageCase,
  DIFFERENCE_CASES,
  MEAN_CASES,
  simulate,
} from '../test/support/coverage-cases.ts'

/** Enough that more would not move a share by a tenth of a point. */
const RESAMPLES = 999
const replications = Number(process.argv[2] ?? 10_000)
const percent = (share: number) => (100 * share).toFixed(1).padStart(5)

function print(title: string, cases: readonly CoverageCase[]): void {
  console.log(`\n${title.padEnd(52)} holds  above  below    bias  method`)
  for (const one of cases) {
    const { covered, tooHigh, tooLow, bias, methods } = simulate(
      one,
      seededRandom(1),
      replications,
      RESAMPLES,
    )
    const shares = [covered, tooHigh, tooLow].map(percent).join('  ')
    console.log(`${one.name.padEnd(52)} ${shares}  ${bias.toFixed(4).padStart(7)}  ${methods.join(' ')}`)
  }
}

console.log(
  `${replications} made-up evaluations each; 95 % intervals; 2.5 % should lie above the truth and 2.5 % below`,
)
print('means', MEAN_CASES)
print('differences', DIFFERENCE_CASES)
print('corrected rates', CORRECTED_CASES)
print('agreement', AGREEMENT_CASES)
