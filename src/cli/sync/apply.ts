/** Adds what a plan says, versions before the releases that pin them. Each step may be done again without a second effect. */

import type { Client } from '../client.ts'
import type { SyncFile } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Plan, PushStep, ReleaseStep } from './plan.ts'

/** `created` is false when another had added the same meanwhile; `planned` is the number that was expected. */
export type Applied = {
  action: 'push' | 'release'
  kind: 'prompt' | 'model' | 'release'
  name: string
  number: number
  planned: number
  created: boolean
}
type Hooks = { onApplied: (applied: Applied) => void; stop: AbortSignal }

/**
 * Throws CliError at the first version that is refused, because releases would pin it. A refused release keeps no
 * other route from its own: all refusals are thrown together at the end.
 */
export async function applyPlan(
  client: Client,
  plan: Plan,
  files: readonly SyncFile[],
  { onApplied, stop }: Hooks,
): Promise<void> {
  const numbers = new Map<string, number>()
  for (const step of plan.pushes) {
    demandGoingOn(stop)
    const applied = await push(client, step, files)
    numbers.set(`${step.kind} ${step.name}`, applied.number)
    onApplied(applied)
  }
  const refused: CliError[] = []
  for (const step of plan.releases) {
    demandGoingOn(stop)
    try {
      onApplied(await release(client, step, numbers))
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.usage) throw error
      refused.push(new CliError(error.exitCode, `release of ${step.route}: ${error.message}`))
    }
  }
  const [first] = refused
  if (first !== undefined) {
    throw new CliError(first.exitCode, refused.map(({ message }) => message).join('\n'))
  }
}

function demandGoingOn(stop: AbortSignal): void {
  if (!stop.aborted) return
  throw new CliError(EXIT.ours, 'Stopped. What is said above is done; run aval sync again for the rest.')
}

async function push(client: Client, step: PushStep, files: readonly SyncFile[]): Promise<Applied> {
  const { kind, name, after } = step
  const file = files.find((one) => one.kind === kind && one.name === name)
  if (file === undefined) throw new Error(`The plan pushes ${kind} ${name}, of which there is no file.`)
  const wanted =
    kind === 'prompt'
      ? { path: '/api/prompts', body: { ...file.body, expected_version: after } }
      : { path: '/api/model-versions', body: file.body }
  try {
    const made = await client.json<{ version: number; created: boolean }>({ method: 'POST', ...wanted })
    return {
      action: 'push',
      kind,
      name,
      number: made.version,
      planned: step.version,
      created: made.created,
    }
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    throw new CliError(error.exitCode, `${file.path}: ${error.message}`)
  }
}

async function release(
  client: Client,
  step: ReleaseStep,
  numbers: ReadonlyMap<string, number>,
): Promise<Applied> {
  const { route, from, prompt, models, changes } = step
  const refOf = (kind: 'prompt' | 'model', name: string, planned: number): string =>
    `${name}@${numbers.get(`${kind} ${name}`) ?? planned}`
  const pinned = changes.find(({ kind }) => kind === 'prompt')
  const made = await client.json<{ release: string; created: boolean }>({
    method: 'POST',
    path: '/api/releases',
    body: {
      route,
      from: `r${from}`,
      ...(prompt !== null && { prompt: refOf('prompt', prompt, pinned?.to ?? 0) }),
      ...(models !== null && {
        models: models.map(({ name, version, weight }) => ({ model: refOf('model', name, version), weight })),
      }),
    },
  })
  const number = Number(made.release.slice(1))
  return {
    action: 'release',
    kind: 'release',
    name: route,
    number,
    planned: step.release,
    created: made.created,
  }
}
