/** Runs suites on what a label serves when an alert asks for them. A suite's own budget bounds what they cost. */

import { GatewayError } from '../../errors.ts'
import { createRuns, planRun, type RunPlan } from '../../evals/runs/create-run.ts'
import type { Suite } from '../../evals/suites/suite.ts'
import { findReleaseById } from '../../registry/releases/store.ts'
import { type ActionDeps, type Intent, placeText, policyActor, type Situation } from './action.ts'

type Planned = { suite: Suite; plan: RunPlan }

/** Rejects with what a second try may mend. */
export async function runSuites(deps: ActionDeps, situation: Situation): Promise<Intent> {
  const { alert, label, policy, rule } = situation
  const names = rule.suites ?? policy.suites
  if (names.length === 0) {
    return { refused: `Policy ${policy.name} names no suite. Give run_suite its suites, or the policy.` }
  }
  const served = await findReleaseById(deps.db, alert.projectId, label.releaseId)
  if (served === null) return { refused: `${placeText(label)} serves nothing that could be asked.` }
  const planned: Planned[] = []
  const reasons: string[] = []
  for (const name of names) {
    const plan = await planOf(deps, situation, { name, release: `r${served.number}` })
    if ('reason' in plan) reasons.push(plan.reason)
    else planned.push(plan)
  }
  if (planned.length === 0) return { refused: reasons.join(' ') }
  return {
    detail: { suites: planned.map(({ suite }) => suite.name), release: `r${served.number}` },
    take: async (keep) => {
      const runs: string[] = []
      for (const one of planned) runs.push(await begun(deps, situation, one))
      const what = planned.map(({ suite }) => suite.name).join(', ')
      const said = [`r${served.number} is run through ${what}.`, ...reasons]
      await keep(deps.db, { note: said.join(' '), targets: runs })
    },
  }
}

async function planOf(
  deps: ActionDeps,
  { alert, label }: Situation,
  { name, release }: { name: string; release: string },
): Promise<Planned | { reason: string }> {
  const suite = await deps.readSuite(name)
  if ('problems' in suite) return { reason: suite.problems.join(' ') }
  const [route] = suite.subject.split('@')
  if (route !== label.route) {
    return { reason: `evals/${name}.yaml is about ${suite.subject}, and says nothing of ${label.route}.` }
  }
  try {
    const wish = { suite, release, against: null }
    return { suite, plan: await planRun({ ...deps, serves: () => false }, alert.projectId, wish) }
  } catch (error) {
    if (error instanceof GatewayError) return { reason: `evals/${name}.yaml: ${error.message}` }
    throw error
  }
}

/** The run's id. Begun once: the alert, the label and the suite are its key. */
async function begun(
  deps: ActionDeps,
  { alert, label }: Situation,
  { suite, plan }: Planned,
): Promise<string> {
  const { candidate } = await createRuns({ ...deps, serves: () => false }, policyActor(alert.projectId), {
    plan,
    budget: suite.budget,
    tags: ['alert'],
    note: `For alert ${alert.id}.`,
    gitCommit: null,
    idempotencyKey: `${alert.id} ${placeText(label)} ${suite.name}`,
  })
  await deps.runSuite(candidate.id)
  return candidate.id
}
