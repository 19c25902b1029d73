/** A plan, and what became of it, as people read it and as JSON. Pure. */

import { printableLine } from '../../lib/printable.ts'
import type { Applied } from './apply.ts'
import type { Behind, Kind, Plan, PushStep, ReleaseStep } from './plan.ts'

const FOLDERS: Readonly<Record<Kind, string>> = { prompt: 'prompts', model: 'model-versions' }

/** One line for each thing to do, to know or to leave alone; the last says how much is the same. */
export function planText(plan: Plan): string {
  const lines = [
    ...plan.pushes.map(pushText),
    ...plan.releases.map(releaseText),
    ...plan.behind.flatMap(behindText),
    ...plan.mixed.map(
      ({ route, release, model }) =>
        `left alone: ${route} r${release} has model ${model} in several versions; make its next release by hand`,
    ),
    ...plan.noFile.map(
      ({ kind, name, version }) =>
        `left alone: ${kind} ${name}@${version} has no file ${FOLDERS[kind]}/${name}.yaml`,
    ),
    `${plan.unchanged} unchanged`,
  ]
  return lines.map((line) => `${printableLine(line)}\n`).join('')
}

function pushText({ kind, name, version, after, afterBy }: PushStep): string {
  const before = after === 0 ? '' : `, after @${after} of ${afterBy ?? 'nobody'}`
  return `${kind} ${name}@${version} (new)${before}`
}

function releaseText({ route, release, from, changes }: ReleaseStep): string {
  const parts = changes.map(({ kind, name, to }) =>
    kind === 'prompt' ? `prompt @${to}` : `model ${name}@${to}`,
  )
  return `release ${route} r${release} (r${from} with ${parts.join(', ')})`
}

function behindText({ kind, name, file, registry, by }: Behind): string[] {
  return [
    `behind: registry has ${name}@${registry}, the file is @${file} (${FOLDERS[kind]}/${name}.yaml; @${registry} is of ${by})`,
    `        Take it over: aval ${kind} show ${name}@${registry}. To go back on purpose: aval release create <route> --${kind} ${name}@${file}`,
  ]
}

/** "2 versions and 1 release". */
export function workText({ pushes, releases }: Plan): string {
  const counted = (count: number, what: string) =>
    count === 0 ? [] : [`${count} ${what}${count === 1 ? '' : 's'}`]
  return [...counted(pushes.length, 'version'), ...counted(releases.length, 'release')].join(' and ')
}

export function appliedText({ kind, name, number, planned, created }: Applied): string {
  const ref = kind === 'release' ? `${name} r${number}` : `${name}@${number}`
  const meanwhile = created ? '' : ': another added the same meanwhile'
  const moved =
    created && number !== planned
      ? `: another took ${kind === 'release' ? 'r' : '@'}${planned} meanwhile`
      : meanwhile
  return `${created ? 'new          ' : 'there already'}  ${printableLine(`${kind} ${ref}${moved}`)}\n`
}

/** What is left to a person: a first release of new prompts, and the labels. */
export function nextText(plan: Plan, applied: readonly Applied[]): string {
  const first = plan.pushes.find(({ kind, after }) => kind === 'prompt' && after === 0)
  const released = applied.findLast(({ action }) => action === 'release')
  const lines = []
  if (first !== undefined) {
    lines.push(
      `A new prompt is in no release yet. Make one: aval release create <route> --prompt ${first.name} --model <name>`,
    )
  }
  if (released !== undefined) {
    const { name, number } = released
    lines.push(`No label was moved. To serve a release: aval promote ${name} r${number} --to production`)
  }
  return lines.length === 0 ? '' : `\n${lines.map((line) => `${printableLine(line)}\n`).join('')}`
}

/** One list in the order of the text; releases are spelled as everywhere else, r13. */
export function planJson(plan: Plan): object[] {
  return [
    ...plan.pushes.map(({ afterBy: after_by, ...step }) => ({ ...step, after_by })),
    ...plan.releases.map(({ action, route, release, from, changes }) => ({
      action,
      route,
      release: `r${release}`,
      from: `r${from}`,
      changes,
    })),
    ...plan.behind,
    ...plan.mixed.map((one) => ({ ...one, release: `r${one.release}` })),
    ...plan.noFile,
  ]
}

export function appliedJson({ action, kind, name, number, created }: Applied): object {
  return action === 'release'
    ? { action, route: name, release: `r${number}`, created }
    : { action, kind, name, version: number, created }
}
