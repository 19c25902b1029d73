/** Who answers to a model's name, as far as it is a fixed thing: what may be taken for the same tomorrow. Pure. */

import { GatewayError } from '../errors.ts'
import type { VirtualKey } from '../keys/key.ts'
import { contentOf } from '../registry/content.ts'
import { parseReleaseNumber } from '../registry/releases/release-content.ts'
import { type Plan, planTargets, pointerOf } from './plan.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * SHA-256 of everything that this snapshot knows of who answers a chat request: a release by its number with all its ingredients,
 * or a model of an upstream, and where their upstreams lead to. Null where it may be somebody else without anything here being
 * renamed: a label, a route of aval.yaml, a model that runs here out of a folder. Null, too, for what the key may not call.
 */
export function answererOf(snapshot: Snapshot, key: VirtualKey, model: string): string | null {
  const plan = planOf(snapshot, key, model)
  if (plan === null) return null
  const { release } = plan
  if (release !== null) {
    if (parseReleaseNumber(pointerOf(model).pointer) === null) return null
    const upstreams = release.targets.map(({ upstream }) => identityOf(snapshot, upstream))
    return contentOf({ release: release.hash, upstreams }).hash
  }
  const [target] = plan.targets
  if (plan.route !== null || target === undefined) return null
  if (target.upstream.provider.dialect === 'local') return null
  return contentOf({ model: target.name, upstreams: [identityOf(snapshot, target.upstream.name)] }).hash
}

function planOf(snapshot: Snapshot, key: VirtualKey, model: string): Plan | null {
  try {
    return planTargets(snapshot, key, { model, operation: 'chat', unit: key.id }, () => 0)
  } catch (error) {
    if (error instanceof GatewayError) return null
    throw error
  }
}

/** Null for one that is not configured: the release is answered by the others. */
function identityOf(snapshot: Snapshot, upstream: string): string | null {
  return snapshot.upstreams.get(upstream)?.identity ?? null
}
