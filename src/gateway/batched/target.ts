/** Whom a batch is asked: the one target of a plan, at an upstream that takes batches. Pure. */

import { RequestError } from '../../errors.ts'
import type { VirtualKey } from '../../keys/key.ts'
import type { Batches } from '../../providers/batches.ts'
import { type Plan, type PlannedTarget, planTargets } from '../plan.ts'
import type { Snapshot } from '../snapshot.ts'

export type BatchedPlan = { plan: Plan; target: PlannedTarget; batches: Batches }

/**
 * Throws RequestError: what `planTargets` throws, and unsupported_operation with a sentence for a model whose plan has several
 * targets, which a batch cannot try one after the other, or whose upstream takes no batches.
 */
export function planBatched(snapshot: Snapshot, key: VirtualKey, model: string): BatchedPlan {
  const plan = planTargets(snapshot, key, { model, operation: 'chat', unit: key.id }, () => 0)
  const named = JSON.stringify(model)
  const declared =
    plan.release?.targets ?? (plan.route === null ? null : snapshot.routes.get(plan.route)?.targets)
  const [target] = plan.targets
  if (target === undefined || (declared ?? plan.targets).length > 1) {
    const names = (declared ?? []).map((one) => `${one.upstream}/${one.model}`).join(', ')
    throw refused(
      `${named} may be answered by ${names}, and a batch goes to one. Ask one of them, or leave batch out.`,
    )
  }
  const { provider, name } = target.upstream
  if (provider.batches === undefined) {
    throw refused(
      `${named} is answered by upstream "${name}", and no batches are sent to the dialect ${provider.dialect}. Leave batch out, or ask a model of an upstream of the dialect openai, anthropic or gemini.`,
    )
  }
  return { plan, target, batches: provider.batches }
}

function refused(message: string): RequestError {
  return new RequestError('unsupported_operation', message, { param: 'batch' })
}
