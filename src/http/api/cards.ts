/** /api/cards/{route}/{release}: the model card of a release, as data, as Markdown or as a page. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import { cardHtml } from '../../promotion/cards/card-html.ts'
import { cardMarkdown } from '../../promotion/cards/card-markdown.ts'
import { cardPage } from '../../promotion/cards/card-page.ts'
import type { ReadCardDeps } from '../../promotion/cards/read-card.ts'
import { type ShownCard, showCard } from '../../promotion/cards/shown-card.ts'
import { parseReleaseNumber } from '../../registry/releases/release-content.ts'
import { findRelease, type ReleaseRow } from '../../registry/releases/store.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import { errorAnswers, refuseInvalid, strictShape } from './validation.ts'

export type CardsApiDeps = ReadCardDeps & { record: Recorder }

const cardQuery = strictShape('filter', {
  promotion: z
    .string()
    .regex(/^prm_[0-9a-z]{26}$/, 'Write prm_….')
    .optional()
    .openapi({ description: 'The card that this promotion has kept; left out, the newest one.' }),
  format: z.enum(['json', 'markdown', 'html']).default('json'),
})
const cardSchema = z
  .object({
    /** Null for a live card, made from what is there now; then hash, content and created_at are, too. */
    id: z.string().nullable(),
    hash: z.string().nullable().openapi({ description: 'SHA-256 of the bytes of `content`.' }),
    created_at: z.string().nullable(),
    card: z.record(z.string(), z.unknown()),
    since: z.record(z.string(), z.unknown()).openapi({ description: 'What became of the release since.' }),
    content: z.string().nullable().openapi({ description: 'The card as canonical JSON (RFC 8785).' }),
  })
  .openapi('ModelCard')
const html = z.string().openapi({ description: 'One file that opens offline and runs no script.' })

const cardRoute = createRoute({
  method: 'get',
  path: '/cards/{route}/{release}',
  middleware: requireRole(...registryReaders),
  request: { params: z.object({ route: z.string(), release: z.string() }), query: cardQuery },
  responses: {
    200: {
      description:
        'The newest card that a promotion of the release has kept, or that of one promotion; without one a live card. It names items that failed, so the read is recorded.',
      content: {
        'application/json': { schema: cardSchema },
        'text/markdown': { schema: z.string() },
        'text/html': { schema: html },
      },
    },
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function cardsApi(deps: CardsApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid }).openapi(cardRoute, async (c) => {
    const { route, release } = c.req.valid('param')
    const { promotion = null, format } = c.req.valid('query')
    const { key } = c.var
    const found = await releaseNamed(deps.db, key.projectId, route, release)
    const name = `${found.route}@r${found.number}`
    await deps.record.access(key, { action: 'card.show', target: name, detail: { promotion, format } })
    const shown = await showCard(deps, found, promotion)
    if (shown === null) throw noCard(name, promotion)
    if (format === 'json') return c.json(toWire(shown), 200)
    const page = cardPage(shown)
    return format === 'markdown'
      ? c.body(cardMarkdown(page), 200, { 'content-type': 'text/markdown; charset=utf-8' })
      : c.body(cardHtml(page), 200, {
          'content-type': 'text/html; charset=utf-8',
          'content-disposition': 'attachment',
        })
  })
}

async function releaseNamed(db: Db, projectId: string, route: string, release: string): Promise<ReleaseRow> {
  const number = parseReleaseNumber(release)
  const found = number === null ? null : await findRelease(db, projectId, route, number)
  if (found !== null) return found
  const message = `There is no release ${release.slice(0, 40)} of "${route.slice(0, 63)}". GET /api/releases lists what there is.`
  throw new RequestError('not_found', message)
}

function noCard(release: string, promotion: string | null): RequestError {
  const message = `Promotion ${promotion} has kept no card of ${release}: it is about another release, or has not come to its verdict. Leave promotion out for the newest card.`
  return new RequestError('not_found', message, { param: 'promotion' })
}

function toWire({ card, kept, since }: ShownCard): z.infer<typeof cardSchema> {
  return {
    id: kept?.id ?? null,
    hash: kept?.hash ?? null,
    created_at: kept?.createdAt.toISOString() ?? null,
    card,
    since,
    content: kept?.content ?? null,
  }
}
