/** Everything under /api: authentication first, then the resources, errors rendered in one place. */

import { OpenAPIHono } from '@hono/zod-openapi'
import { GatewayError, RequestError, toOpenAIError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { type ApiEnv, type Authenticator, requireKey } from '../auth.ts'
import { type AlertsApiDeps, alertsApi } from './alerts.ts'
import { limitBody } from './body-limit.ts'
import { calibrationsApi, RATINGS_BODY_MAX_BYTES } from './calibrations.ts'
import { type CardsApiDeps, cardsApi } from './cards.ts'
import { DATASET_BODY_MAX_BYTES, ITEMS_BODY_MAX_BYTES } from './dataset-body.ts'
import { type DatasetsApiDeps, datasetsApi } from './datasets.ts'
import { type ErasuresApiDeps, erasuresApi } from './erasures.ts'
import { evalRunActionsApi } from './eval-run-actions.ts'
import { EVAL_RUN_BODY_MAX_BYTES, type EvalRunsApiDeps, evalRunsApi } from './eval-runs.ts'
import { type EventsApiDeps, eventsApi } from './events.ts'
import { type EvidenceApiDeps, evidenceApi } from './evidence.ts'
import { type ExportsApiDeps, exportsApi } from './exports.ts'
import { type FineTunesApiDeps, fineTunesApi } from './fine-tunes.ts'
import { type HoldsApiDeps, holdsApi } from './holds.ts'
import { type IndexSearchDeps, indexSearchApi } from './index-search.ts'
import { type IndexSignalsDeps, indexSignalsApi } from './index-signals.ts'
import { type IndexesApiDeps, indexesApi } from './indexes.ts'
import { type KeysApiDeps, keysApi } from './keys.ts'
import { type LabelsApiDeps, labelsApi } from './labels.ts'
import { langfuseApi } from './langfuse.ts'
import { type ModelVersionsApiDeps, modelVersionsApi } from './model-versions.ts'
import { type ModelsApiDeps, modelsApi } from './models.ts'
import { type MonitorApiDeps, monitorApi } from './monitor.ts'
import { type MonitorDataDeps, monitorDataApi } from './monitor-data.ts'
import { type MonitorExplainDeps, monitorExplainApi } from './monitor-explain.ts'
import { type OnlineScoresApiDeps, onlineScoresApi } from './online-scores.ts'
import { type OperationsApiDeps, operationsApi } from './operations.ts'
import { type PoliciesApiDeps, policiesApi } from './policies.ts'
import { type PricesApiDeps, pricesApi } from './prices.ts'
import { type PromotionsApiDeps, promotionsApi } from './promotions.ts'
import { PROMPT_BODY_MAX_BYTES, type PromptsApiDeps, promptsApi } from './prompts.ts'
import { type RebuildApiDeps, rebuildApi } from './rebuild.ts'
import { releasesApi } from './releases.ts'
import { type RequestContextsDeps, requestContextsApi } from './request-contexts.ts'
import { type RequestsApiDeps, requestsApi } from './requests.ts'
import { type ReviewsApiDeps, reviewsApi } from './reviews.ts'
import { withRoles } from './role-document.ts'
import { type ShadowsApiDeps, shadowsApi } from './shadows.ts'
import { silencesApi } from './silences.ts'
import { DOCUMENTS_BODY_MAX_BYTES, sourceDocumentsApi } from './source-documents.ts'
import { SOURCE_BODY_MAX_BYTES, type SourcesApiDeps, sourcesApi } from './sources.ts'
import { type SpendApiDeps, spendApi } from './spend.ts'
import { type UsageApiDeps, usageApi } from './usage.ts'
import { fromFramework, refuseInvalid } from './validation.ts'

export type ApiDeps = {
  version: string
  logger: Logger
  keyring: Authenticator
  keys: KeysApiDeps
  requests: RequestsApiDeps
  rebuild: RebuildApiDeps
  requestContexts: RequestContextsDeps
  events: EventsApiDeps
  usage: UsageApiDeps
  spend: SpendApiDeps
  erasures: ErasuresApiDeps
  holds: HoldsApiDeps
  exports: ExportsApiDeps
  models: ModelsApiDeps
  releases: LabelsApiDeps
  promotions: PromotionsApiDeps
  policies: PoliciesApiDeps
  cards: CardsApiDeps
  shadows: ShadowsApiDeps
  prompts: PromptsApiDeps
  modelVersions: ModelVersionsApiDeps
  prices: PricesApiDeps
  sources: SourcesApiDeps
  datasets: DatasetsApiDeps
  indexes: IndexesApiDeps & IndexSearchDeps & IndexSignalsDeps
  evalRuns: EvalRunsApiDeps
  fineTunes: FineTunesApiDeps
  reviews: ReviewsApiDeps
  onlineScores: OnlineScoresApiDeps
  monitorExplain: MonitorExplainDeps
  monitor: MonitorApiDeps
  alerts: AlertsApiDeps
  monitorData: MonitorDataDeps
  operations: OperationsApiDeps
  evidence: EvidenceApiDeps
}

/** No body under /api is larger than a list of routes, but for the paths below. */
const BODY_MAX_BYTES = 64 * 1024
const LARGER_BODIES: readonly (readonly [path: RegExp, maxBytes: number])[] = [
  [/^\/api\/prompts(?:$|\/[^/]+\/versions\/[^/]+\/render$)/, PROMPT_BODY_MAX_BYTES],
  [/^\/api\/sources$/, SOURCE_BODY_MAX_BYTES],
  [/^\/api\/sources\/[^/]+\/documents$/, DOCUMENTS_BODY_MAX_BYTES],
  [/^\/api\/eval-runs(?:$|\/plan$)/, EVAL_RUN_BODY_MAX_BYTES],
  [/^\/api\/review-queues\/[^/]+\/ratings$/, RATINGS_BODY_MAX_BYTES],
  [/^\/api\/datasets$/, DATASET_BODY_MAX_BYTES],
  [/^\/api\/datasets\/items$/, ITEMS_BODY_MAX_BYTES],
]

/**
 * The router to mount at `/api`. Uses `c.var.requestId` when the app has set one. Its errors are the same object
 * that `/v1` sends.
 *
 * @example
 * app.route('/api', createApi(deps))
 */
export function createApi(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const api = new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
  api.onError((thrown, c) => {
    const error = fromFramework(thrown)
    const requestId = c.var.requestId
    if (!(error instanceof GatewayError)) deps.logger.error({ err: error, requestId }, 'api_failed')
    const { status, headers, body } = toOpenAIError(error, requestId)
    return c.json(body, status as 500, headers)
  })
  api.use(async (c, next) => {
    if (c.var.requestId === undefined) c.set('requestId', newId('req', deps.keys.clock.nowMs()))
    c.header('x-request-id', c.var.requestId)
    c.header('cache-control', 'no-store')
    await next()
  })
  // Before the rule for all others: it takes keys in one more form.
  api.route('/public', langfuseApi({ db: deps.prompts.db, keyring: deps.keyring }))
  api.use(requireKey(deps.keyring))
  api.use(limitBody(maxBytesOf))
  api.route('/', keysApi(deps.keys))
  api.route('/', requestsApi(deps.requests))
  api.route('/', rebuildApi(deps.rebuild))
  api.route('/', requestContextsApi(deps.requestContexts))
  api.route('/', eventsApi(deps.events))
  api.route('/', usageApi(deps.usage))
  api.route('/', spendApi(deps.spend))
  api.route('/', erasuresApi(deps.erasures))
  api.route('/', holdsApi(deps.holds))
  api.route('/', exportsApi(deps.exports))
  api.route('/', modelsApi(deps.models))
  api.route('/', releasesApi(deps.releases))
  api.route('/', labelsApi(deps.releases))
  api.route('/', promotionsApi(deps.promotions))
  api.route('/', policiesApi(deps.policies))
  api.route('/', shadowsApi(deps.shadows))
  api.route('/', cardsApi(deps.cards))
  api.route('/', promptsApi(deps.prompts))
  api.route('/', modelVersionsApi(deps.modelVersions))
  api.route('/', pricesApi(deps.prices))
  api.route('/', sourcesApi(deps.sources))
  api.route('/', sourceDocumentsApi(deps.sources))
  api.route('/', datasetsApi(deps.datasets))
  // Before the versions, whose paths look alike.
  api.route('/', indexSearchApi(deps.indexes))
  api.route('/', indexSignalsApi(deps.indexes))
  api.route('/', indexesApi(deps.indexes))
  mountEvaluation(api, deps)
  api.route('/', monitorExplainApi(deps.monitorExplain))
  api.route('/', monitorApi(deps.monitor))
  api.route('/', alertsApi(deps.alerts))
  api.route('/', silencesApi(deps.alerts))
  api.route('/', monitorDataApi(deps.monitorData))
  api.route('/', operationsApi(deps.operations))
  api.route('/', evidenceApi(deps.evidence))
  api.get('/openapi.json', (c) =>
    c.json(
      withRoles(
        api.getOpenAPI31Document({
          openapi: '3.1.0',
          info: { title: 'Aval', version: deps.version },
          servers: [{ url: '/api' }],
        }),
        api.routes,
      ),
    ),
  )
  api.all('*', (c) => {
    throw new RequestError(
      'not_found',
      `There is no ${c.req.method} ${c.req.path}. GET /api/openapi.json lists what there is.`,
    )
  })
  return api
}

function mountEvaluation(api: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  api.route('/', evalRunsApi(deps.evalRuns))
  api.route('/', evalRunActionsApi(deps.evalRuns))
  api.route('/', fineTunesApi(deps.fineTunes))
  api.route('/', reviewsApi(deps.reviews))
  api.route('/', calibrationsApi(deps.reviews))
  api.route('/', onlineScoresApi(deps.onlineScores))
}

function maxBytesOf(path: string): number {
  return LARGER_BODIES.find(([paths]) => paths.test(path))?.[1] ?? BODY_MAX_BYTES
}
