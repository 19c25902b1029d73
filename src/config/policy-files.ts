/** Policies from both places a reviewer may look for them: aval.yaml, and one file each in `policies/` beside it. */

import { existsSync, readdirSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { describeIssues } from '../lib/schema-problems.ts'
import { type PolicyConfig, policyShape, resolvePolicy } from './policies.ts'
import type { ConfigFile } from './schema.ts'
import { readYaml } from './yaml-file.ts'

const MAX_POLICIES = 200
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** By name. Adds a sentence to `problems` for every file or name that is none. */
export function readPolicies(
  inFile: NonNullable<ConfigFile['policies']>,
  directory: string,
  problems: string[],
): PolicyConfig[] {
  const policies = new Map(Object.entries(inFile).map(([name, file]) => [name, resolvePolicy(name, file)]))
  for (const path of policyFiles(join(directory, 'policies'))) {
    const name = basename(path, extname(path))
    const read = readPolicyFile(name, path)
    if ('problems' in read) problems.push(...read.problems)
    else if (policies.has(name)) problems.push(`${path}: aval.yaml has a policy "${name}" too. Keep one.`)
    else policies.set(name, read.policy)
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

function policyFiles(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((file) => ['.yaml', '.yml'].includes(extname(file)))
    .toSorted()
    .slice(0, MAX_POLICIES + 1)
    .map((file) => join(folder, file))
}

function readPolicyFile(
  name: string,
  path: string,
): { policy: PolicyConfig } | { problems: readonly string[] } {
  if (!NAME.test(name)) {
    return { problems: [`${path}: call it by lower-case letters, digits and inner hyphens, at most 63.`] }
  }
  const read = readYaml(path)
  if ('problems' in read) return read
  const parsed = policyShape.safeParse(read.value)
  if (parsed.success) return { policy: resolvePolicy(name, parsed.data) }
  return { problems: describeIssues(path, policyShape, read.value, parsed.error) }
}
