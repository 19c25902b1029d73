/**
 * Runs suites on what a label serves when an alert asks for them. A suite's own budget bounds what they cost, and the alerts of one
 * incident share a run.
 */

import { GatewayError } from '../../errors.ts'
import { createRuns, planRun, type RunPlan } from '../../evals/runs/create-run.ts'
import { findRunByKey, findTagged } from '../../evals/runs/run-rows.ts'
import type { Suite } from '../../evals/suites/suite.ts'
import { findReleaseById } from '../../registry/releases/store.ts'
import { type ActionDeps, type Intent, placeText, policyActor, type Situation } from './action.ts'

/** `known`: a run that another alert began, and that tells this one the same. */
type Planned = { suite: Suite; plan: RunPlan; known: string | null }

const TAG = 'alert'

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
  const begins = planned.filter(({ known }) => known === null).map(({ suite }) => suite.name)
  const shared = planned.flatMap(({ known }) => known ?? [])
  return {
    detail: { suites: begins, release: `r${served.number}`, ...(shared.length > 0 && { shared }) },
    take: async (keep) => {
      const runs: string[] = []
      for (const one of planned) runs.push(one.known ?? (await begun(deps, situation, one)))
      const said = [
        ...(begins.length > 0 ? [`r${served.number} is run through ${begins.join(', ')}.`] : []),
        ...planned.flatMap(({ suite, known }) =>
          known === null ? [] : [`${suite.name}: another alert has begun ${known} of r${served.number}.`],
        ),
        ...reasons,
      ]
      await keep(deps.db, { note: said.join(' '), targets: runs })
    },
  }
}

async function planOf(
  deps: ActionDeps,
  situation: Situation,
  { name, release }: { name: string; release: string },
): Promise<Planned | { reason: string }> {
  const { alert, label } = situation
  const suite = await deps.readSuite(name)
  if ('problems' in suite) return { reason: suite.problems.join(' ') }
  const [route] = suite.subject.split('@')
  if (route !== label.route) {
    return { reason: `evals/${name}.yaml is about ${suite.subject}, and says nothing of ${label.route}.` }
  }
  try {
    // Something has changed: what was answered before says nothing of it.
    const wish = { suite: { ...suite, cache: null }, release, against: null }
    const plan = await planRun({ ...deps, serves: () => false }, alert.projectId, wish)
    return { suite, plan, known: await knownRun(deps, situation, { suite, plan }) }
  } catch (error) {
    if (error instanceof GatewayError) return { reason: `evals/${name}.yaml: ${error.message}` }
    throw error
  }
}

/** Null where none is known, and where this alert has begun one itself and was killed before that was kept. */
async function knownRun(
  { sql }: ActionDeps,
  situation: Situation,
  { suite, plan }: Pick<Planned, 'suite' | 'plan'>,
): Promise<string | null> {
  const { projectId, beganAtMs } = situation.alert
  if ((await findRunByKey(sql, projectId, keyOf(situation, suite))) !== null) return null
  const { measure, subject } = plan.candidate
  const like = { projectId, measureHash: measure, subject, tag: TAG }
  return (await findTagged(sql, like, new Date(beganAtMs).toISOString()))?.id ?? null
}

function keyOf({ alert, label }: Situation, suite: Suite): string {
  return `${alert.id} ${placeText(label)} ${suite.name}`
}

/** The run's id. Begun once: the alert, the label and the suite are its key. */
async function begun(deps: ActionDeps, situation: Situation, { suite, plan }: Planned): Promise<string> {
  const { alert } = situation
  const { candidate } = await createRuns({ ...deps, serves: () => false }, policyActor(alert.projectId), {
    plan,
    budget: suite.budget,
    tags: [TAG],
    note: `For alert ${alert.id}.`,
    gitCommit: null,
    idempotencyKey: keyOf(situation, suite),
  })
  await deps.runSuite(candidate.id)
  return candidate.id
}
