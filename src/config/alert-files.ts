/** Rules of alerts from both places a reviewer may look for them: aval.yaml, and one file each in `alerts/` beside it. */

import { basename, join } from 'node:path'
import type { z } from 'zod'
import {
  keyAt,
  MAX_RULES,
  type namedRuleShape,
  type RuleConfig,
  resolveRule,
  ruleShape,
} from './rules-of-alerts.ts'
import { namedFiles, readNamedFile } from './yaml-folder.ts'

/** Those of aval.yaml in its order, then those of files by name. Adds a sentence to `problems` for every mistake. */
export function readRules(
  inFile: readonly z.infer<typeof namedRuleShape>[],
  directory: string,
  channels: readonly string[],
  problems: string[],
): RuleConfig[] {
  const rules: RuleConfig[] = []
  for (const [at, { name = null, ...file }] of inFile.entries()) {
    const place = `alerts.rules.${at}`
    const mistake = (key: string, what: string) => {
      problems.push(`aval.yaml: ${keyAt(place, key)}: ${what}`)
    }
    const same = name === null ? undefined : rules.find((one) => one.name === name)
    if (same !== undefined) mistake('name', `${same.place} is "${name}" too. Give one another name.`)
    rules.push(resolveRule(file, { name, place }, channels, mistake))
  }
  for (const file of namedFiles(join(directory, 'alerts'), MAX_RULES)) {
    const { name, path } = file
    const read = readNamedFile(file, ruleShape)
    const same = rules.find((one) => one.name === name)
    if ('problems' in read) problems.push(...read.problems)
    else if (same !== undefined)
      problems.push(`${path}: ${same.place} ${ofFile(same)}is a rule "${name}" too. Keep one.`)
    else {
      const mistake = (key: string, what: string) => problems.push(`${path}: ${key}: ${what}`)
      const place = `alerts/${basename(path)}`
      rules.push(resolveRule(read.value, { name, place }, channels, mistake))
    }
  }
  if (rules.length > MAX_RULES) problems.push(`${rules.length} rules of alerts, where ${MAX_RULES} is most.`)
  return rules
}

function ofFile({ place }: RuleConfig): string {
  return place.startsWith('alerts/') ? '' : 'of aval.yaml '
}
