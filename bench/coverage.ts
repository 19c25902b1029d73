/**
 * `node bench/coverage.ts [replications]`: how often the intervals of `src/lib/statistics` hold the truth of made-up
 * evaluations, and how often its gate errs.
 */

import { seededRandom } from '../src/lib/random.ts'
import {
  AGREEMENT_CASES,
  CORRECTED_CASES,
  type CoverageCase,
  DIFFERENCE_CASES,
  MEAN_CASES,
  RARE_CASES,
  simulate,
} from '../test/support/coverage-cases.ts'
import { AT_THE_MARGIN, rightsAndWrongs, verdicts } from '../test/support/gate-cases.ts'

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
print('differences', [...DIFFERENCE_CASES, ...RARE_CASES])
print('corrected rates', CORRECTED_CASES)
print('agreement', AGREEMENT_CASES)

console.log(`\n${'gate at α 0.05: worse by exactly the margin'.padEnd(52)}  pass   fail`)
for (const of of [
  ...AT_THE_MARGIN,
  { ...rightsAndWrongs(300, 0.06, 0.06, 0.05), name: 'no worse, predicted to pass 80.4' },
]) {
  const { pass, fail } = verdicts(of, seededRandom(1), replications, RESAMPLES)
  console.log(`${of.name.padEnd(52)} ${percent(pass)}  ${percent(fail)}`)
}
