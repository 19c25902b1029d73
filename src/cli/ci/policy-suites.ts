/** Holds the suites of a change against what the policies of the compared label demand, before anything is made. */

import { printable } from '../../lib/printable.ts'
import type { Client } from '../client.ts'
import type { SuiteFile } from '../evals.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { unmetText } from './notes.ts'
import type { Scope } from './scope.ts'
import { type Demand, type Unmet, unmetBy } from './suites-for.ts'

/**
 * The demanded suites that were left out on purpose, by suites that were named. Throws CliError with every other one that no
 * file is or that asks something else: exit 103, as no release of the route could be promoted.
 */
export async function demandPolicySuites(
  client: Pick<Client, 'json'>,
  { measured, unasked }: Pick<Scope, 'measured' | 'unasked'>,
  suites: readonly SuiteFile[],
  { label, isNamed }: { label: string; isNamed: boolean },
): Promise<readonly Unmet[]> {
  const routes = [...measured.map(({ candidate }) => candidate), ...unasked].map(({ route }) => route)
  const unmet: Unmet[] = []
  for (const route of routes) {
    unmet.push(...unmetBy(await readDemand(client, route, label), suites))
  }
  const isSpared = ({ asks }: Unmet) => isNamed && asks === null
  const problems = unmet.filter((one) => !isSpared(one)).map((one) => unmetText(one, label))
  if (problems.length > 0) throw new CliError(EXIT.emptyInput, printable(problems.join('\n')))
  return unmet
}

/** A server that does not know policies demands nothing. Throws CliError. */
async function readDemand(client: Pick<Client, 'json'>, route: string, label: string): Promise<Demand> {
  const path = `/api/policies/${encodeURIComponent(`${route}@${label}`)}`
  try {
    const { name, suites } = await client.json<{ name: string; suites: string[] }>({ method: 'GET', path })
    return { route, policy: name, suites }
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'not_found') throw error
    return { route, policy: '', suites: [] }
  }
}
