/** What the policy commands do without a server: policies held against the suites that they name. */

import type { CheckedPolicy } from './cli/context.ts'
import type { Config } from './config.ts'
import { policedLabels, policiesOf, suiteReader } from './policies-in-force.ts'
import { alertSuites } from './promotion/actions/check-rules.ts'
import { checkPolicy } from './promotion/policy-check.ts'

/** Every policy in force, with its mistakes and with what is worth knowing of it. */
export async function checkPolicies(config: Config, directory: string): Promise<CheckedPolicy[]> {
  const read = suiteReader(() => config, directory)
  const labels = policedLabels(config)
  const checked: CheckedPolicy[] = []
  for (const policy of policiesOf(config)) {
    const own = labels.filter((one) => one.policy === policy.name)
    const readAll = async (names: readonly string[]) =>
      await Promise.all(names.map(async (name) => ({ name, read: await read(name) })))
    const suites = await readAll(policy.suites)
    const ofAlerts = await readAll(alertSuites(policy))
    checked.push({ name: policy.name, ...checkPolicy(policy, suites, own, ofAlerts) })
  }
  return checked
}
