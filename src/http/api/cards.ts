/** /api/releases/{route}/{release}/card: the model card of a release, as data and as a page. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { RequestError } from '../../errors.ts'
import { cardMarkdown } from '../../promotion/cards/card.ts'
import { type CardDeps, readCard } from '../../promotion/cards/read-card.ts'
import { parseReleaseNumber } from '../../registry/releases/release-content.ts'
import { findRelease } from '../../registry/releases/store.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { registryReaders } from './page.ts'
import { answer, errorAnswers, refuseInvalid } from './validation.ts'

const cardSchema = z
  .object({ card: z.record(z.string(), z.unknown()), markdown: z.string() })
  .openapi('ModelCard')

const cardRoute = createRoute({
  method: 'get',
  path: '/releases/{route}/{release}/card',
  middleware: requireRole(...registryReaders),
  request: { params: z.object({ route: z.string(), release: z.string() }) },
  responses: { 200: answer('The card.', cardSchema), ...errorAnswers },
})

/** Routes under /api; authentication has already run. */
export function cardsApi(deps: CardDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid }).openapi(cardRoute, async (c) => {
    const { route, release } = c.req.valid('param')
    const number = parseReleaseNumber(release)
    const found = number === null ? null : await findRelease(deps.db, c.var.key.projectId, route, number)
    if (found === null) {
      const message = `There is no release ${release.slice(0, 40)} of "${route.slice(0, 63)}". GET /api/releases lists what there is.`
      throw new RequestError('not_found', message)
    }
    const card = await readCard(deps, found)
    return c.json({ card, markdown: cardMarkdown(card) }, 200)
  })
}
