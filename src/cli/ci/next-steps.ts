/** What a person may do after a check, as sentences with a command that can be pasted. Pure. */

import { EXIT } from '../exit-codes.ts'
import { type CheckOutcome, exitCodeOf, type RouteOutcome } from './outcome.ts'

export type Step = { says: string; command: string | null }

/** More would be no help. */
const MAX_STEPS = 10

export function nextSteps(outcome: CheckOutcome): readonly Step[] {
  const { routes, unreleased, label } = outcome
  const first = unreleased.slice(0, 1).map((ref) => ({
    says: 'Make the first release of a new prompt:',
    command: `aval release create <route> --prompt ${ref} --model <name>`,
  }))
  const passed = exitCodeOf(outcome) === EXIT.done
  const steps = routes.flatMap((route) => (passed ? [serving(route, label)] : mending(route)))
  return [...first, ...steps].slice(0, MAX_STEPS)
}

function serving({ candidate: { route }, release }: RouteOutcome, label: string): Step {
  return {
    says: `After the merge, have ${label} serve it:`,
    command: `aval promote ${route} r${release} --to ${label} --wait`,
  }
}

function mending({ candidate: { route }, suites }: RouteOutcome): Step[] {
  if (suites.length === 0) {
    return [
      {
        says: `Write evals/${route}.yaml with subject: ${route}. docs/evaluation.md shows one.`,
        command: null,
      },
    ]
  }
  return suites.flatMap(({ suite, exitCode, run }): Step[] => {
    switch (exitCode) {
      case EXIT.done:
        return []
      case EXIT.fail:
        return [{ says: `${suite} fails. Read what was answered:`, command: `aval eval results ${run}` }]
      case EXIT.inconclusive:
        return [
          {
            says: `${suite} is not settled. Its reasons say what is missing, often more items.`,
            command: null,
          },
        ]
      case EXIT.errorBudget:
        return [
          {
            says: `${suite} judged too little. Ask again what ended in an error:`,
            command: `aval eval resume ${run} --retry-errors`,
          },
        ]
      default:
        return [
          { says: `${suite} was not measured. Mend what its reason names, and check again.`, command: null },
        ]
    }
  })
}
