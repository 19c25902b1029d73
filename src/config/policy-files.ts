/** Policies from both places a reviewer may look for them: aval.yaml, and one file each in `policies/` beside it. */

import { join } from 'node:path'
import { type PolicyConfig, policyShape, resolvePolicy } from './policies.ts'
import type { ConfigFile } from './schema.ts'
import { namedFiles, readNamedFile } from './yaml-folder.ts'

const MAX_POLICIES = 200

/** By name. Adds a sentence to `problems` for every file or name that is none. */
export function readPolicies(
  inFile: NonNullable<ConfigFile['policies']>,
  directory: string,
  problems: string[],
): PolicyConfig[] {
  const policies = new Map(Object.entries(inFile).map(([name, file]) => [name, resolvePolicy(name, file)]))
  for (const file of namedFiles(join(directory, 'policies'), MAX_POLICIES)) {
    const { name, path } = file
    const read = readNamedFile(file, policyShape)
    if ('problems' in read) problems.push(...read.problems)
    else if (policies.has(name)) problems.push(`${path}: aval.yaml has a policy "${name}" too. Keep one.`)
    else policies.set(name, resolvePolicy(name, read.value))
  }
  const open = policies.get('open')
  const { description = '' } = open ?? {}
  if (
    open !== undefined &&
    JSON.stringify(open) !==
      JSON.stringify(resolvePolicy('open', description === null ? {} : { description }))
  ) {
    problems.push(`The policy "open" is the one that demands nothing. Give this one another name.`)
  }
  if (policies.size > MAX_POLICIES) problems.push(`${policies.size} policies, where ${MAX_POLICIES} is most.`)
  return [...policies.values()]
}
