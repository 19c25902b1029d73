/** What the data plane is made of, in a gateway and in a worker that runs suites. */

import type { Audit } from './audit/audit.ts'
import { createAdmission } from './gateway/admission.ts'
import { createBreaker } from './gateway/breaker.ts'
import type { GatewayDeps } from './gateway/deps.ts'
import type { Loads } from './gateway/load/loads.ts'
import { createLimiter } from './keys/limiter.ts'
import { systemClock } from './lib/clock.ts'
import { sleep } from './lib/sleep.ts'
import type { Retriever } from './retrieval/retrieve.ts'
import type { Runtime } from './runtime.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'
import { NO_OBSERVER, type RequestObserver } from './telemetry/requests.ts'

export function gatewayDeps(
  { logger, audit, runtime, loads }: { logger: Logger; audit: Audit; runtime: Runtime; loads: Loads },
  retriever: Retriever,
  observer: RequestObserver = NO_OBSERVER,
): GatewayDeps {
  return {
    snapshot: runtime.snapshot,
    audit: audit.log,
    admission: createAdmission(createLimiter(), () => runtime.config().limits.app, systemClock),
    breaker: createBreaker(systemClock),
    loads,
    clock: systemClock,
    random: Math.random,
    retrieve: (question) => retriever.retrieve(question),
    sleep,
    offerToShadow: () => {},
    observer,
    reportBug: (error, requestId) => events.bug(logger, error, requestId),
  }
}
