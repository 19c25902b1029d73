/** /api/doctor and /api/reload: what is configured, reachable and writable, and taking up a changed aval.yaml. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { type ApiEnv, requireRole } from '../auth.ts'
import type { Recorder } from './recorder.ts'
import { answer, errorAnswers, refuseInvalid } from './validation.ts'

/** One thing that was looked at. `remedy` says how to mend what is not ok. */
export type DoctorCheck = {
  name: string
  status: 'ok' | 'warning' | 'problem'
  detail: string
  remedy: string | null
}

export type OperationsApiDeps = {
  record: Recorder
  doctor(signal: AbortSignal): Promise<readonly DoctorCheck[]>
  /** Applies a changed aval.yaml; with problems nothing changes and the last good one stays. */
  reload(): Promise<{ applied: boolean; problems: readonly string[] }>
}

const checkSchema = z
  .object({
    name: z.string(),
    status: z.enum(['ok', 'warning', 'problem']),
    detail: z.string(),
    remedy: z.string().nullable(),
  })
  .openapi('DoctorCheck')

const doctorRoute = createRoute({
  method: 'get',
  path: '/doctor',
  middleware: requireRole('admin', 'engineer', 'auditor'),
  responses: {
    200: answer('Every check.', z.object({ ok: z.boolean(), checks: z.array(checkSchema) })),
    ...errorAnswers,
  },
})
const reloadRoute = createRoute({
  method: 'post',
  path: '/reload',
  middleware: requireRole('admin'),
  responses: {
    200: answer(
      'Whether the file was taken up.',
      z.object({ applied: z.boolean(), problems: z.array(z.string()) }),
    ),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function operationsApi(deps: OperationsApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(doctorRoute, async (c) => {
      const checks = [...(await deps.doctor(c.req.raw.signal))]
      return c.json({ ok: checks.every((check) => check.status !== 'problem'), checks }, 200)
    })
    .openapi(reloadRoute, async (c) => {
      await deps.record.admin(c.var.key, { action: 'config.reload' })
      const { applied, problems } = await deps.reload()
      return c.json({ applied, problems: [...problems] }, 200)
    })
}
