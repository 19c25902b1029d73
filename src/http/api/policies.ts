/** /api/policies: what a label demands before it moves. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { RequestError } from '../../errors.ts'
import { demandsNothing, explainPolicy, type Policy } from '../../promotion/policy.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { registryReaders } from './page.ts'
import { answer, errorAnswers, refuseInvalid } from './validation.ts'

export type PoliciesApiDeps = {
  /** As the files have them now. */
  policies: () => readonly Policy[]
  /** Labels that a file gives a policy. */
  labels: () => readonly { route: string; label: string; policy: string }[]
  policyOf: (route: string, label: string) => Policy
  /** Whether the project has releases of the route. */
  hasRoute: (projectId: string, route: string) => Promise<boolean>
}

const policySchema = z
  .object({
    name: z.string(),
    description: z.string().nullable(),
    /** True for one under which a label is moved at once. */
    open: z.boolean(),
    demands: z.array(z.string()),
    suites: z.array(z.string()),
    labels: z.array(z.string()),
  })
  .openapi('Policy')
/** A policy's, or a label's: `support-answer@production`. */
const name = z.string().max(130)

const listRoute = createRoute({
  method: 'get',
  path: '/policies',
  middleware: requireRole(...registryReaders),
  responses: { 200: answer('By name.', z.object({ data: z.array(policySchema) })), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/policies/{name}',
  middleware: requireRole(...registryReaders),
  request: { params: z.object({ name }) },
  responses: { 200: answer('What it demands, as sentences.', policySchema), ...errorAnswers },
})
/** Routes under /api; authentication has already run. */
export function policiesApi({ policies, labels, policyOf, hasRoute }: PoliciesApiDeps) {
  const toWire = (policy: Policy): z.infer<typeof policySchema> => ({
    name: policy.name,
    description: policy.description,
    open: demandsNothing(policy),
    demands: explainPolicy(policy),
    suites: [...policy.suites],
    labels: labels()
      .filter((one) => one.policy === policy.name)
      .map(({ route, label }) => `${route}@${label}`),
  })
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(listRoute, (c) =>
      c.json(
        {
          data: policies()
            .map(toWire)
            .toSorted((one, other) => (one.name < other.name ? -1 : 1)),
        },
        200,
      ),
    )
    .openapi(showRoute, async (c) => {
      const { name: wanted } = c.req.valid('param')
      const [route = '', label] = wanted.split('@')
      if (label === undefined) {
        const found = policies().find((policy) => policy.name === wanted)
        if (found === undefined) throw unknown(`There is no policy ${JSON.stringify(wanted)}.`)
        return c.json(toWire(found), 200)
      }
      const isNamed = labels().some((one) => one.route === route && one.label === label)
      if (!isNamed && !(await hasRoute(c.var.key.projectId, route))) {
        throw unknown(`No file gives ${JSON.stringify(wanted)} a policy, and there is no route of that name.`)
      }
      return c.json(toWire(policyOf(route, label)), 200)
    })
}

function unknown(message: string): RequestError {
  return new RequestError('not_found', `${message} aval policy list shows what there is.`, { param: 'name' })
}
