import { expect, test } from 'vitest'
import { EXIT } from '../../../../src/cli/exit-codes.ts'
import { exitCodeOf } from '../../../../src/evals/reports/exit-code.ts'

test.each([
  ['pass', false, EXIT.done],
  ['measured', false, EXIT.done],
  ['fail', false, EXIT.fail],
  ['inconclusive', false, EXIT.inconclusive],
  ['inconclusive', true, EXIT.errorBudget],
  ['measured', true, EXIT.errorBudget],
  // Decided with all missing judgements on the candidate's side: the rest cannot undo it.
  ['fail', true, EXIT.fail],
] as const)(
  'a verdict of %s, uncovered: %s, ends with the command line’s own code %i',
  (verdict, uncovered, code) => {
    expect(exitCodeOf({ verdict, uncovered })).toBe(code)
  },
)
