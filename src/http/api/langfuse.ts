/**
 * /api/public: prompts as Langfuse's SDKs read them, so that an app moves in by another address and key. Not of our own
 * design, hence not in the OpenAPI document; errors are ours.
 */

import { Hono } from 'hono'
import { z } from 'zod'
import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import { ROLES } from '../../keys/key.ts'
import { importedName } from '../../registry/prompts/imports/imported-name.ts'
import { toLangfuse } from '../../registry/prompts/langfuse-prompt.ts'
import { isPromptName } from '../../registry/prompts/prompt-file.ts'
import { getLabelledPrompt } from '../../registry/releases/labelled-prompt.ts'
import { type ApiEnv, type Authenticator, requireKeyOrBasic, requireRole } from '../auth.ts'
import { routeName } from './releases.ts'
import { refuseInvalid } from './validation.ts'

export type LangfuseApiDeps = { db: Db; keyring: Authenticator }

/** What the SDKs send beside these (`resolve`) says nothing here. */
const query = z.object({
  label: routeName.optional(),
  version: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'Write the number of a version.')
    .transform(Number)
    .optional(),
})

/** Routes under /api/public, which bring their own authentication. */
export function langfuseApi({ db, keyring }: LangfuseApiDeps) {
  return new Hono<ApiEnv>()
    .use(requireKeyOrBasic(keyring))
    .get('/v2/prompts/:name', requireRole(...ROLES), async (c) => {
      const { label, version } = readQuery(c.req.query())
      const given = c.req.param('name')
      const name = isPromptName(given) ? given : importedName(given)
      if (name === null) throw new RequestError('not_found', 'This is not the name of a prompt.')
      const wanted = version === undefined ? { label: label ?? 'production' } : { version }
      const { projectId } = c.var.key
      const found = await getLabelledPrompt({ db }, { projectId, name }, wanted)
      return c.json(toLangfuse(found.version, found.labels))
    })
    .all('*', (c) => {
      throw new RequestError(
        'not_found',
        `There is no ${c.req.method} ${c.req.path.slice(0, 200)}. Of Langfuse's interface GET /api/public/v2/prompts/{name} is served.`,
      )
    })
}

function readQuery(given: Record<string, string>): z.infer<typeof query> {
  const read = query.safeParse(given)
  refuseInvalid(read)
  const { label, version } = read.data ?? {}
  if (label !== undefined && version !== undefined) {
    throw new RequestError('invalid_value', 'Send label or version, not both.', { param: 'version' })
  }
  return { label, version }
}
