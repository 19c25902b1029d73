/** /api/prices: the project's own prices, and the one in force for a model. USD as decimal text, so that no digit is lost. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { parseUsd, usdText } from '../../lib/money.ts'
import { parseDurationMs } from '../../lib/units.ts'
import type { Price, PriceTarget, TokenFigures } from '../../registry/prices/price.ts'
import { resolvePrice } from '../../registry/prices/price-book.ts'
import type { PriceList } from '../../registry/prices/price-list.ts'
import { setPrice } from '../../registry/prices/set-price.ts'
import { findOwnPrice, listPriceRows, type PriceRow, toOwnPrice } from '../../registry/prices/store.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import type { Recorder } from './recorder.ts'
import {
  answer,
  errorAnswers,
  instantText,
  jsonBody,
  limitText,
  refuseInvalid,
  strictShape,
} from './validation.ts'

export type PricesApiDeps = {
  db: Db
  clock: Clock
  record: Recorder
  /** What Aval ships. */
  list: PriceList
  /** A model of an upstream as it is configured now; null when none has the name. */
  findTarget(upstream: string, model: string): PriceTarget | null
}

const usd = z.string().nullable().openapi({ example: '0.15' })
/** USD per million tokens. */
const tokenShape = { input: usd, cached_input: usd, cache_write: usd, output: usd, reasoning: usd }
/** The same of requests in batches. */
const batchShape = { batch_input: usd, batch_cached_input: usd, batch_output: usd }
const figureShape = { ...tokenShape, per_image: usd, per_request: usd, ...batchShape }
const rowSchema = z
  .object({
    id: z.string(),
    upstream: z.string(),
    model: z.string(),
    valid_from: z.string(),
    source: z.string(),
    ...figureShape,
    created_by: z.string(),
    created_by_name: z.string().nullable(),
    created_at: z.string(),
  })
  .openapi('Price')
const effectiveSchema = z
  .object({
    /** Null for a price of the list that ships with Aval. */
    id: z.string().nullable(),
    source: z.string(),
    valid_from: z.string().nullable(),
    ...figureShape,
    tiers: z.array(z.object({ above_input_tokens: z.number(), ...tokenShape })),
  })
  .openapi('EffectivePrice')

/** A million dollars per million tokens: beyond it somebody wrote another unit. */
const FIGURE_MAX_MICRO_USD = 10n ** 12n
const figure = z
  .string({ error: 'Write USD as text: "2.5".' })
  .max(40)
  .transform((text, context) => {
    const microUsd = parseUsd(text)
    if (microUsd !== null && microUsd <= FIGURE_MAX_MICRO_USD) return microUsd
    const message = `"${text}" is not an amount. Write USD up to 1000000, with at most six decimals: 2.5.`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
  .nullable()
  .default(null)
  .openapi({ type: 'string', example: '2.5' })
const noControls = (letters: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(letters)
    .regex(/^\P{Cc}*$/u, 'Write one line without control characters.')
const names = { upstream: noControls(63), model: noControls(200) }

const newPriceBody = strictShape('field', {
  ...names,
  source: noControls(500),
  valid_from: instantText.optional(),
  input: figure,
  cached_input: figure,
  cache_write: figure,
  output: figure,
  reasoning: figure,
  per_image: figure,
  per_request: figure,
  batch_input: figure,
  batch_cached_input: figure,
  batch_output: figure,
})
const listQuery = strictShape('filter', {
  upstream: names.upstream.optional(),
  model: names.model.optional(),
  at: instantText.optional(),
  limit: limitText,
  cursor: z.string().max(200).optional(),
})

const setRoute = createRoute({
  method: 'post',
  path: '/prices',
  middleware: requireRole('admin'),
  request: jsonBody(newPriceBody),
  responses: { 201: answer('The price.', rowSchema), ...errorAnswers },
})
const listRoute = createRoute({
  method: 'get',
  path: '/prices',
  middleware: requireRole('admin', 'engineer', 'approver', 'auditor'),
  request: { query: listQuery },
  responses: {
    200: answer(
      'Prices the project set, the last one first. With upstream and model also the one in force, null when unknown.',
      z.object({
        data: z.array(rowSchema),
        next_cursor: z.string().nullable(),
        effective: effectiveSchema.nullable().optional(),
      }),
    ),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function pricesApi(deps: PricesApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(setRoute, async (c) => {
      const { upstream, model, source, valid_from, ...wire } = c.req.valid('json')
      const validFromMs = valid_from === undefined ? null : instantOf(deps, valid_from)
      const figures = {
        input: wire.input,
        cachedInput: wire.cached_input,
        cacheWrite: wire.cache_write,
        output: wire.output,
        reasoning: wire.reasoning,
        perImage: wire.per_image,
        perRequest: wire.per_request,
        batchInput: wire.batch_input,
        batchCachedInput: wire.batch_cached_input,
        batchOutput: wire.batch_output,
      }
      const amounts = Object.entries(wire).map(([name, amount]) => [name, text(amount)])
      await deps.record.admin(c.var.key, {
        action: 'price.set',
        target: `${upstream}/${model}`,
        detail: { source, valid_from: valid_from ?? null, ...Object.fromEntries(amounts) },
      })
      const row = await setPrice(deps, actorOf(c.var.key), { upstream, model, source, validFromMs, figures })
      return c.json(rowWire(row), 201)
    })
    .openapi(listRoute, async (c) => {
      const { limit, cursor: before = null, upstream = null, model = null, at } = c.req.valid('query')
      const { projectId } = c.var.key
      const rows = await listPriceRows(deps.db, projectId, { upstream, model, before, limit: limit + 1 })
      const last = rows.length > limit ? rows[limit - 1] : undefined
      const page = { data: rows.slice(0, limit).map(rowWire), next_cursor: last?.id ?? null }
      if (upstream === null || model === null) {
        if (at === undefined) return c.json(page, 200)
        throw new RequestError(
          'invalid_value',
          'at asks for the price of one model. Add upstream and model.',
          {
            param: 'at',
          },
        )
      }
      const atMs = at === undefined ? deps.clock.nowMs() : instantOf(deps, at)
      const effective = await effectiveOf(deps, projectId, { upstream, model, atMs })
      return c.json({ ...page, effective }, 200)
    })
}

/** An ISO time, or how long ago; before 1970 is 1970, because a database ends somewhere too. */
function instantOf({ clock }: Pick<PricesApiDeps, 'clock'>, text: string): number {
  const agoMs = parseDurationMs(text)
  return Math.max(0, agoMs === null ? Date.parse(text) : clock.nowMs() - agoMs)
}

async function effectiveOf(
  deps: PricesApiDeps,
  projectId: string,
  { upstream, model, atMs }: { upstream: string; model: string; atMs: number },
): Promise<z.infer<typeof effectiveSchema> | null> {
  const own = await findOwnPrice(deps.db, projectId, { upstream, model, at: new Date(atMs) })
  // An own price holds also for an upstream that is no longer configured.
  const target = deps.findTarget(upstream, model) ?? { upstream, model, dialect: 'unknown', baseUrl: null }
  const price = resolvePrice(own === null ? [] : [own], deps.list, { ...target, atMs })
  if (price === null) return null
  return {
    id: price.id,
    source: price.source,
    valid_from: price.validFromMs === null ? null : new Date(price.validFromMs).toISOString(),
    ...figuresWire(price),
    tiers: price.tiers.map((tier) => ({ above_input_tokens: tier.aboveInputTokens, ...tokensWire(tier) })),
  }
}

function rowWire(row: PriceRow): z.infer<typeof rowSchema> {
  return {
    id: row.id,
    upstream: row.upstream,
    model: row.model,
    valid_from: row.validFrom.toISOString(),
    source: row.source,
    ...figuresWire(toOwnPrice(row)),
    created_by: row.createdBy,
    created_by_name: row.createdByName,
    created_at: row.createdAt.toISOString(),
  }
}

function figuresWire(price: TokenFigures & Pick<Price, 'perImage' | 'perRequest' | 'batch'>) {
  return {
    ...tokensWire(price),
    per_image: text(price.perImage),
    per_request: text(price.perRequest),
    batch_input: text(price.batch?.input ?? null),
    batch_cached_input: text(price.batch?.cachedInput ?? null),
    batch_output: text(price.batch?.output ?? null),
  }
}

function tokensWire(figures: TokenFigures) {
  return {
    input: text(figures.input),
    cached_input: text(figures.cachedInput),
    cache_write: text(figures.cacheWrite),
    output: text(figures.output),
    reasoning: text(figures.reasoning),
  }
}

function text(microUsd: bigint | null): string | null {
  return microUsd === null ? null : usdText(microUsd)
}
