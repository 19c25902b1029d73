/** /api/prompts: pushes, lists, shows and renders versions of prompts. There is no way to change or remove one. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { RequestError } from '../../errors.ts'
import type { JsonObject } from '../../lib/json.ts'
import { describeFailure, runChecks } from '../../registry/prompts/checks.ts'
import { contentOfPrompt, type PromptContent } from '../../registry/prompts/prompt-content.ts'
import { isPromptName, PROMPT_NAME_RULE, readPromptFile } from '../../registry/prompts/prompt-file.ts'
import {
  getPromptVersion,
  listPrompts,
  listPromptVersions,
  type PromptVersion,
  type PromptVersionsDeps,
  pushPrompt,
} from '../../registry/prompts/prompt-versions.ts'
import { type ChatMessage, compilePrompt } from '../../registry/prompts/render.ts'
import type { PromptVersionSummary } from '../../registry/prompts/store.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { pageOf, pageToWire, registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import {
  answer,
  conflictAnswer,
  errorAnswers,
  jsonBody,
  limitText,
  refuseInvalid,
  strictShape,
} from './validation.ts'

export type PromptsApiDeps = PromptVersionsDeps & { record: Recorder }

/** A prompt file may have 256 KB; as a JSON text it has up to twice that, and what it renders with may be as long. */
export const PROMPT_BODY_MAX_BYTES = 512 * 1024

const summaryShape = {
  id: z.string(),
  name: z.string(),
  version: z.number(),
  hash: z.string(),
  description: z.string().nullable(),
  owner: z.string().nullable(),
  created_at: z.string(),
  created_by: z.string(),
  created_by_name: z.string().nullable(),
}
/** JSON that people made up. `z.json()` has no form in an OpenAPI document. */
const object = z
  .record(z.string(), z.unknown())
  .openapi({ type: 'object' }) as unknown as z.ZodType<JsonObject>
const summarySchema = z.object(summaryShape).openapi('PromptSummary')
const versionSchema = z.object({ ...summaryShape, content: object }).openapi('PromptVersion')
const pushedSchema = z.object({ ...summaryShape, created: z.boolean() }).openapi('PushedPrompt')

const renderedSchema = z
  .object({
    name: z.string(),
    version: z.number(),
    hash: z.string(),
    messages: z.array(object),
    tools: z.array(object).nullable(),
    response_format: object.nullable(),
    parameters: object.nullable(),
  })
  .openapi('RenderedPrompt')

const promptName = z.string().refine(isPromptName, `Write ${PROMPT_NAME_RULE}.`)
const pushBody = strictShape('field', {
  name: promptName,
  content: z.string().min(1),
  expected_version: z.int().min(0).max(2_147_483_647).optional(),
})
const renderBody = strictShape('field', {
  variables: object.default({}),
  contexts: z
    .array(strictShape('field', { number: z.int(), text: z.string() }))
    .max(200)
    .default([]),
  messages: z
    .array(z.looseObject({ role: z.string() }))
    .max(2000)
    .default([]),
})
const nameParam = z.object({
  name: promptName.openapi({ param: { name: 'name', in: 'path' }, example: 'support-answer' }),
})
const versionParam = nameParam.extend({
  version: z
    .string()
    .regex(/^(?:newest|[1-9]\d{0,8})$/, 'Write the number of a version, or newest.')
    .openapi({ param: { name: 'version', in: 'path' }, example: '3' }),
})
const listQuery = strictShape('filter', { limit: limitText, cursor: z.string().max(63).optional() })
const historyQuery = strictShape('filter', {
  limit: limitText,
  cursor: z.coerce
    .number({ error: 'Write what next_cursor of the page before said.' })
    .int()
    .min(1)
    .optional(),
})

const writers = ['admin', 'engineer'] as const
const page = pageOf(summarySchema)

const pushRoute = createRoute({
  method: 'post',
  path: '/prompts',
  middleware: requireRole(...writers),
  request: jsonBody(pushBody),
  responses: {
    200: answer('A version already has this content.', pushedSchema),
    201: answer('The new version.', pushedSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const listRoute = createRoute({
  method: 'get',
  path: '/prompts',
  middleware: requireRole(...registryReaders),
  request: { query: listQuery },
  responses: { 200: answer('The newest version of each prompt, by name.', page), ...errorAnswers },
})
const historyRoute = createRoute({
  method: 'get',
  path: '/prompts/{name}',
  middleware: requireRole(...registryReaders),
  request: { params: nameParam, query: historyQuery },
  responses: { 200: answer('Versions of the prompt, newest first.', page), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/prompts/{name}/versions/{version}',
  middleware: requireRole(...registryReaders),
  request: { params: versionParam },
  responses: { 200: answer('The version, with its content.', versionSchema), ...errorAnswers },
})
const renderRoute = createRoute({
  method: 'post',
  path: '/prompts/{name}/versions/{version}/render',
  middleware: requireRole(...registryReaders),
  request: { params: versionParam, ...jsonBody(renderBody) },
  responses: {
    200: answer('What would be sent to a model.', renderedSchema),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function promptsApi(deps: PromptsApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(pushRoute, async (c) => {
      const { name, content: text, expected_version: expectedVersion = null } = c.req.valid('json')
      const content = readChecked(name, text)
      await deps.record.admin(c.var.key, {
        action: 'prompt.push',
        target: name,
        detail: { hash: contentOfPrompt(content).hash, expected_version: expectedVersion },
      })
      const { version, created } = await pushPrompt(deps, actorOf(c.var.key), {
        name,
        content,
        expectedVersion,
      })
      return c.json({ ...toSummary(ofVersion(version)), created }, created ? 201 : 200)
    })
    .openapi(listRoute, async (c) => {
      const { limit, cursor = null } = c.req.valid('query')
      const page = await listPrompts(deps, c.var.key.projectId, { cursor, limit })
      return c.json(pageToWire(page, toSummary), 200)
    })
    .openapi(historyRoute, async (c) => {
      const { limit, cursor = null } = c.req.valid('query')
      const prompt = { projectId: c.var.key.projectId, name: c.req.valid('param').name }
      const { rows, nextCursor } = await listPromptVersions(deps, prompt, { cursor, limit })
      const next_cursor = nextCursor === null ? null : String(nextCursor)
      return c.json({ data: rows.map(toSummary), next_cursor }, 200)
    })
    .openapi(showRoute, async (c) => {
      const version = await versionOf(deps, c.var.key.projectId, c.req.valid('param'))
      return c.json({ ...toSummary(ofVersion(version)), content: wireContent(version.content) }, 200)
    })
    .openapi(renderRoute, async (c) => {
      const { variables, contexts, messages } = c.req.valid('json')
      const version = await versionOf(deps, c.var.key.projectId, c.req.valid('param'))
      const rendered = compilePrompt(version.content).render(variables, {
        contexts,
        messages: messages as ChatMessage[],
      })
      const { tools = null, responseFormat = null, parameters = null } = version.content
      const { name, version: number, hash } = version
      const sent = { messages: rendered, tools, response_format: responseFormat, parameters }
      return c.json({ name, version: number, hash, ...sent }, 200)
    })
}

/** The content of a file without mistakes whose own tests pass. Throws RequestError invalid_value. */
function readChecked(name: string, text: string): PromptContent {
  const file = readPromptFile(name, text)
  if ('problems' in file) throw wrongContent(file.problems)
  const failed = runChecks(compilePrompt(file.content), file.tests).filter(({ passed }) => !passed)
  if (failed.length > 0) throw wrongContent(failed.map((result) => describeFailure(name, result)))
  return file.content
}

function wrongContent(problems: readonly string[]): RequestError {
  return new RequestError('invalid_value', problems.join('\n'), { param: 'content' })
}

async function versionOf(
  deps: PromptsApiDeps,
  projectId: string,
  { name, version }: { name: string; version: string },
): Promise<PromptVersion> {
  return await getPromptVersion(deps, { projectId, name }, version === 'newest' ? 'newest' : Number(version))
}

function ofVersion({ content, ...rest }: PromptVersion): PromptVersionSummary {
  return { ...rest, description: content.description ?? null, owner: content.owner ?? null }
}

/** The members as the file writes them. */
function wireContent(content: PromptContent): JsonObject {
  return JSON.parse(contentOfPrompt(content).text)
}

function toSummary(row: PromptVersionSummary): z.infer<typeof summarySchema> {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    hash: row.hash,
    description: row.description,
    owner: row.owner,
    created_at: row.createdAt.toISOString(),
    created_by: row.createdBy,
    created_by_name: row.createdByName,
  }
}
