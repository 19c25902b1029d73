/** Policies and suites as the files have them now: what promotions go by. */

import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from './config.ts'
import type { ReadSuite } from './promotion/evidence/gather.ts'
import { OPEN, type Policy } from './promotion/policy.ts'

const MAX_SUITE_BYTES = 256 * 1024

/** Every policy that there is; `open` is always among them. */
export function policiesOf({ policies }: Pick<Config, 'policies'>): readonly Policy[] {
  return policies.some(({ name }) => name === OPEN.name) ? policies : [OPEN, ...policies]
}

/** Of a label that no file names: open. */
export function policyInForce(
  config: Pick<Config, 'policies' | 'routes'>,
  route: string,
  label: string,
): Policy {
  const name = config.routes.find((one) => one.name === route)?.labels[label]
  return policiesOf(config).find((policy) => policy.name === name) ?? OPEN
}

/** Labels of a route that a file gives a policy, each with it. */
export function policiesOfRoute(
  config: Pick<Config, 'policies' | 'routes'>,
  route: string,
): { label: string; policy: Policy }[] {
  const labels = config.routes.find((one) => one.name === route)?.labels ?? {}
  return Object.keys(labels).map((label) => ({ label, policy: policyInForce(config, route, label) }))
}

/** Labels that a file gives a policy. */
export function policedLabels({
  routes,
}: Pick<Config, 'routes'>): { route: string; label: string; policy: string }[] {
  return routes.flatMap(({ name: route, labels }) =>
    Object.entries(labels).map(([label, policy]) => ({ route, label, policy })),
  )
}

/** Suites stand in `evals/` beside aval.yaml; without one, in the folder that the process was started in. */
export function suiteReader(config: () => Pick<Config, 'configPath'>, directory: string): ReadSuite {
  return async (name) => {
    const { configPath } = config()
    const path = join(configPath === null ? directory : dirname(configPath), 'evals', `${name}.yaml`)
    // Loaded here: scorers and their statistics weigh on a gateway that makes no promotion.
    const { readSuiteFile } = await import('./evals/suites/suite.ts')
    try {
      const { size } = await stat(path)
      if (size <= MAX_SUITE_BYTES) return readSuiteFile(name, await readFile(path, 'utf8'))
      return { problems: [`evals/${name}.yaml: larger than ${MAX_SUITE_BYTES} bytes.`] }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const why = code === 'ENOENT' ? 'is not there' : `cannot be read (${code ?? 'error'})`
      return {
        problems: [`evals/${name}.yaml ${why}, and the policy demands that suite. It stands at ${path}.`],
      }
    }
  }
}
