/** /api/models: the local models on this machine: listed, pulled with progress, removed. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { RequestError, toOpenAIError } from '../../errors.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import type { Recorder } from './recorder.ts'
import { answer, errorAnswers, jsonBody, refuseInvalid, strictShape } from './validation.ts'

export type LocalModel = {
  /** As apps send it, without the upstream: `embed`, `reader`, `Xenova/…`. */
  name: string
  tasks: readonly string[]
  sizeBytes: number | null
  /** Part of the distribution: always there, cannot be removed. */
  shipped: boolean
  loaded: boolean
}

/** One step of a pull. `totalBytes` is null until the hub has said. */
export type PullProgress = { receivedBytes: number; totalBytes: number | null }

export type ModelManagement = {
  listModels(): Promise<readonly LocalModel[]>
  /** Ends when the model is there; throws a GatewayError that names the folder to fill when the hub is out of reach. */
  pullModel(name: string, signal: AbortSignal): AsyncIterable<PullProgress>
  /** False when there is no such model. Throws RequestError for a shipped one. */
  removeModel(name: string): Promise<boolean>
}

export type ModelsApiDeps = ModelManagement & { record: Recorder }

const modelSchema = z
  .object({
    name: z.string(),
    tasks: z.array(z.string()),
    size_bytes: z.number().nullable(),
    shipped: z.boolean(),
    loaded: z.boolean(),
  })
  .openapi('LocalModel')
const modelName = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?$/, 'Write a name such as Xenova/all-MiniLM-L6-v2.')

const listModelsRoute = createRoute({
  method: 'get',
  path: '/models',
  middleware: requireRole('admin', 'engineer', 'auditor'),
  responses: {
    200: answer('Local models.', z.object({ data: z.array(modelSchema) })),
    ...errorAnswers,
  },
})
const pullModelRoute = createRoute({
  method: 'post',
  path: '/models/pull',
  middleware: requireRole('admin'),
  request: jsonBody(strictShape('field', { name: modelName })),
  responses: {
    200: {
      description: 'One JSON object per line: progress, then {"done":true} or {"error":{…}}.',
      content: { 'application/x-ndjson': { schema: z.string() } },
    },
    ...errorAnswers,
  },
})
const removeModelRoute = createRoute({
  method: 'delete',
  path: '/models/{name}',
  middleware: requireRole('admin'),
  request: { params: z.object({ name: modelName.openapi({ param: { name: 'name', in: 'path' } }) }) },
  responses: {
    200: answer('The model is gone.', z.object({ name: z.string(), removed: z.literal(true) })),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function modelsApi(deps: ModelsApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(listModelsRoute, async (c) => {
      const models = await deps.listModels()
      const data = models.map(({ sizeBytes, tasks, ...model }) => ({
        ...model,
        tasks: [...tasks],
        size_bytes: sizeBytes,
      }))
      return c.json({ data }, 200)
    })
    .openapi(pullModelRoute, async (c) => {
      await deps.record.admin(c.var.key, { action: 'model.pull', target: c.req.valid('json').name })
      const stop = new AbortController()
      const signal = AbortSignal.any([stop.signal, c.req.raw.signal])
      const lines = pullLines(deps, c.req.valid('json').name, signal, c.var.requestId)
      const body = new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          const { value, done } = await lines.next()
          if (done === true) controller.close()
          else controller.enqueue(Buffer.from(`${JSON.stringify(value)}\n`))
        },
        cancel: () => stop.abort(),
      })
      return new Response(body, { headers: { 'content-type': 'application/x-ndjson' } }) as never
    })
    .openapi(removeModelRoute, async (c) => {
      const { name } = c.req.valid('param')
      await deps.record.admin(c.var.key, { action: 'model.remove', target: name })
      if (await deps.removeModel(name)) return c.json({ name, removed: true as const }, 200)
      throw new RequestError('not_found', `There is no local model "${name}". GET /api/models lists them.`)
    })
}

/** A failure after the first line is a line too: an answer that just stops would look like a finished pull. */
async function* pullLines(
  deps: ModelManagement,
  name: string,
  signal: AbortSignal,
  requestId: string,
): AsyncGenerator<object> {
  try {
    for await (const step of deps.pullModel(name, signal)) {
      yield { received_bytes: step.receivedBytes, total_bytes: step.totalBytes }
    }
    yield { done: true }
  } catch (error) {
    yield toOpenAIError(error, requestId).body
  }
}
