/** Evaluation as the HTTP surface uses it: runs made against the upstreams, releases and prices in force. */

import type { Sql } from 'postgres'
import type { Db } from './db/client.ts'
import { createReckoner } from './evals/reports/reckoner.ts'
import { type Subject, subjectText } from './evals/runs/run-content.ts'
import { runKey } from './evals/runs/run-key.ts'
import { answerersOf } from './evals/runs/taken-over/answerers.ts'
import { planBatched } from './gateway/batched/target.ts'
import type { EvalRunsApiDeps } from './http/api/eval-runs.ts'
import type { Recorder } from './http/api/recorder.ts'
import { systemClock } from './lib/clock.ts'
import { splitModelName } from './lib/model-name.ts'
import { priceNow } from './prices-in-force.ts'
import type { Ring } from './queue/jobs.ts'
import type { Price } from './registry/prices/price.ts'
import type { Runtime } from './runtime.ts'

export function evalRunsDeps(
  { db, sql, ring, runtime }: { db: Db; sql: Sql; ring: Ring; runtime: Runtime },
  record: Recorder,
): EvalRunsApiDeps {
  return {
    db,
    sql,
    clock: systemClock,
    record,
    ring,
    reckon: createReckoner(),
    serves: (model) => {
      const { upstreams, routes } = runtime.snapshot()
      return (
        (routes.get(model)?.targets.length ?? 0) > 0 || upstreams.has(splitModelName(model)?.upstream ?? '')
      )
    },
    demandBatches: (projectId, subject) => demandBatches(runtime, projectId, subject),
    answererOf: answerersOf(() => runtime.snapshot()),
    targetOf: (projectId, subject) => targetNow(runtime, projectId, subject),
  }
}

/** As the worker will plan it, with the upstreams and releases that this process knows. */
function demandBatches(runtime: Runtime, projectId: string, subject: Subject): void {
  const model = subjectText(subject)
  const snapshot = runtime.snapshot()
  // A release that was made a moment ago and is not known here yet: the worker looks again.
  if (
    subject.kind === 'release' &&
    snapshot.registry.byNumber(projectId, subject.route, subject.number) === null
  )
    return
  planBatched(snapshot, runKey({ projectId, runId: 'run', runName: 'eval' }), model)
}

/** What the first model that would be asked costs; null where none is. */
function targetNow(
  runtime: Runtime,
  projectId: string,
  subject: Subject,
): { price: Price | null; free: boolean } | null {
  const { upstreams, routes, registry } = runtime.snapshot()
  if (subject.kind === 'recorded') return null
  const target =
    subject.kind === 'release'
      ? registry.byNumber(projectId, subject.route, subject.number)?.targets[0]
      : (routes.get(subject.model)?.targets[0] ?? splitModelName(subject.model))
  if (target == null) return null
  const free = upstreams.get(target.upstream)?.provider.dialect === 'local'
  return { price: priceNow(runtime, projectId, target.upstream, target.model), free }
}
