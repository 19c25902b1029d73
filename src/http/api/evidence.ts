/** /api/audit/heads and /leaves: what a witness needs. Hashes and signatures alone; nothing here tells what was asked. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { RequestError } from '../../errors.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import type { Recorder } from './recorder.ts'
import { answer, errorAnswers, refuseInvalid, strictShape } from './validation.ts'

export type EvidenceApiDeps = {
  record: Recorder
  /** The newest signed head of each writer. */
  listNewestHeads(): Promise<readonly { writer: string; size: number; note: string }[]>
  /** Leaves from `from` on, as many as are there below `to` and one answer may carry; empty when there are none. */
  readLeaves(writer: string, from: number, to: number): Promise<Buffer>
}

const whole = z.string().regex(/^\d{1,15}$/, 'Write a whole number from 0.')
const leavesQuery = strictShape('filter', { writer: z.uuid(), from: whole, to: whole })

const headsRoute = createRoute({
  method: 'get',
  path: '/audit/heads',
  middleware: requireRole('auditor', 'admin'),
  responses: {
    200: answer(
      'The newest head of each writer.',
      z.object({ data: z.array(z.object({ writer: z.string(), size: z.number(), note: z.string() })) }),
    ),
    ...errorAnswers,
  },
})
const leavesRoute = createRoute({
  method: 'get',
  path: '/audit/leaves',
  middleware: requireRole('auditor', 'admin'),
  request: { query: leavesQuery },
  responses: {
    200: answer('Leaf hashes, 32 bytes each, as base64.', z.object({ from: z.number(), leaves: z.string() })),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function evidenceApi(deps: EvidenceApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(headsRoute, async (c) => {
      const heads = await deps.listNewestHeads()
      await deps.record.access(c.var.key, { action: 'audit.heads', detail: { writers: heads.length } })
      return c.json({ data: heads.map(({ writer, size, note }) => ({ writer, size, note })) }, 200)
    })
    .openapi(leavesRoute, async (c) => {
      const { writer, from, to } = c.req.valid('query')
      if (Number(from) >= Number(to)) {
        throw new RequestError('invalid_value', `from is ${from} and to is ${to}: to must be greater.`, {
          param: 'to',
        })
      }
      const leaves = await deps.readLeaves(writer, Number(from), Number(to))
      return c.json({ from: Number(from), leaves: leaves.toString('base64') }, 200)
    })
}
