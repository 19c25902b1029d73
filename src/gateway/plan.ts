/** Pure: which targets, in which order, a request may be sent to. */

import type { Guarantee } from '../audit/guarantee.ts'
import { RequestError } from '../errors.ts'
import { allowsRoute } from '../keys/allowed-routes.ts'
import type { VirtualKey } from '../keys/key.ts'
import type { JsonObject } from '../lib/json.ts'
import { splitModelName } from '../lib/model-name.ts'
import { nearest } from '../lib/nearest.ts'
import type { Operation, Timeouts } from '../providers/provider.ts'
import type { RegistryBook, ServedRelease } from '../registry/releases/book.ts'
import { parseReleaseNumber } from '../registry/releases/release-content.ts'
import type { RouteTarget, Snapshot, Upstream } from './snapshot.ts'

const PRODUCTION = 'production'
/** The policy of labels that anybody may set. */
const OPEN = 'open'
/** Retries of a direct call, which has no route to say otherwise. */
const DIRECT_RETRIES = 2

export type PlannedTarget = {
  /** Of a release's target. */
  version?: { name: string; parameters: JsonObject }
  /** `upstream/model`, as direct calls write it; built once, because circuits and headers ask for it again and again. */
  name: string
  upstream: Upstream
  model: string
  timeouts: Timeouts
}

export type Plan = {
  route: string | null
  /** Null for direct calls and for routes that stand in aval.yaml alone. */
  release: ServedRelease | null
  /** In order of preference; never empty. */
  targets: readonly PlannedTarget[]
  /** Further attempts allowed after every target has been tried once. */
  retries: number
  /** How sure the request's records must be before anything is released. */
  guarantee: Guarantee
}

/**
 * `model` is a route's name or `<upstream>/<model id>`. Throws RequestError model_not_found, the same for what does
 * not exist and for what the key may not call, or unsupported_operation. `random` in [0, 1) shuffles weighted targets.
 */
export function planTargets(
  snapshot: Snapshot,
  key: VirtualKey,
  wanted: { model: string; operation: Operation; unit: string },
  random: () => number,
): Plan {
  const { model, operation } = wanted
  if (!mayReach(snapshot, key, model)) throw notFound(snapshot, key, model)
  const release = findRelease(snapshot.registry, key.projectId, model, wanted.unit)
  if (release !== null) return planRelease(snapshot, release, wanted, random)
  const route = snapshot.routes.get(model)
  if (route !== undefined && route.targets.length > 0) {
    const targets = inOrder(route.targets, random).map((target) => planned(snapshot, target))
    const able = targets.filter((target) => target !== null)
    return {
      route: route.name,
      release: null,
      targets: supporting(able, operation, model),
      retries: route.retries,
      guarantee: route.guarantee,
    }
  }
  const direct = splitModelName(model)
  const upstream = direct === null ? undefined : snapshot.upstreams.get(direct.upstream)
  if (direct === null || upstream === undefined) throw notFound(snapshot, key, model)
  const target = { name: model, upstream, model: direct.model, timeouts: upstream.timeouts }
  const { guarantee } = snapshot
  return {
    route: null,
    release: null,
    targets: supporting([target], operation, model),
    retries: DIRECT_RETRIES,
    guarantee,
  }
}

/** `support-answer` means its production; `support-answer@staging` and `support-answer@r12` what they say. */
export function pointerOf(model: string): { route: string; pointer: string } {
  const at = model.lastIndexOf('@')
  return at < 1
    ? { route: model, pointer: PRODUCTION }
    : { route: model.slice(0, at), pointer: model.slice(at + 1) }
}

/** The release that a request asked for, whatever becomes of it; null for none, and for one that the key may not call. */
export function releaseAsked(
  snapshot: Snapshot,
  key: VirtualKey,
  { model, unit }: { model: string; unit: string },
): ServedRelease | null {
  return mayReach(snapshot, key, model) ? findRelease(snapshot.registry, key.projectId, model, unit) : null
}

function mayReach(snapshot: Snapshot, key: VirtualKey, model: string): boolean {
  return allowsRoute(key.allowedRoutes, model) && !isBesideTheGate(snapshot, key, model)
}

/**
 * Where a label of a route has a policy, an app gets what such labels serve and nothing else: a release by its number, or a label
 * that anybody may set, would lead around the policy. A key that names more with an `@` was given it by somebody; other
 * roles look at candidates.
 */
function isBesideTheGate(snapshot: Snapshot, key: VirtualKey, model: string): boolean {
  if (key.allowedRoutes !== null || key.roles.some((role) => role !== 'app')) return false
  const { route, pointer } = pointerOf(model)
  const labels = snapshot.routes.get(route)?.labels ?? {}
  const policed = Object.keys(labels).filter((label) => labels[label] !== OPEN)
  return policed.length > 0 && !policed.includes(pointer)
}

function findRelease(
  registry: RegistryBook,
  projectId: string,
  model: string,
  unit: string,
): ServedRelease | null {
  const { route, pointer } = pointerOf(model)
  if (!registry.has(projectId, route)) return null
  const number = parseReleaseNumber(pointer)
  return number === null
    ? registry.byLabel(projectId, route, pointer, unit)
    : registry.byNumber(projectId, route, number)
}

/** Throws RequestError unsupported_operation. */
export function planRelease(
  snapshot: Snapshot,
  release: ServedRelease,
  { model, operation }: { model: string; operation: Operation },
  random: () => number,
): Plan {
  const targets = inOrder(release.targets, random).flatMap((target): PlannedTarget[] => {
    const found = planned(snapshot, { ...target, timeouts: {} })
    const version = { name: target.modelVersion, parameters: target.parameters }
    return found === null ? [] : [{ ...found, version }]
  })
  return {
    route: release.route,
    release,
    targets: supporting(targets, operation, model),
    retries: release.retries,
    // The route's own promise, where aval.yaml makes one.
    guarantee: snapshot.routes.get(release.route)?.guarantee ?? snapshot.guarantee,
  }
}

function supporting(targets: readonly PlannedTarget[], operation: Operation, model: string): PlannedTarget[] {
  const able = targets.filter(({ upstream }) => upstream.provider.supports(operation))
  if (able.length > 0) return able
  const dialects = [...new Set(targets.map(({ upstream }) => upstream.provider.dialect))].join(', ')
  const message = `${JSON.stringify(model)} cannot serve ${operation}: its upstream speaks ${dialects || 'nothing configured'}. Choose a model of another upstream.`
  throw new RequestError('unsupported_operation', message, { param: 'model' })
}

function planned(snapshot: Snapshot, target: RouteTarget): PlannedTarget | null {
  const upstream = snapshot.upstreams.get(target.upstream)
  if (upstream === undefined) return null
  return {
    name: `${upstream.name}/${target.model}`,
    upstream,
    model: target.model,
    timeouts: { ...upstream.timeouts, ...target.timeouts },
  }
}

/**
 * Without weights the order of the file; with weights a weighted draw without replacement (Efraimidis and Spirakis,
 * 2006: sort by random^(1/weight)), so that the rest still serves as fallback. A target without weight stands last.
 */
function inOrder<Target extends { weight: number | null }>(
  targets: readonly Target[],
  random: () => number,
): readonly Target[] {
  if (targets.every(({ weight }) => weight === null)) return targets
  return targets
    .map((target) => ({ target, score: target.weight === null ? -1 : random() ** (1 / target.weight) }))
    .toSorted((a, b) => b.score - a.score)
    .map(({ target }) => target)
}

function notFound(snapshot: Snapshot, key: VirtualKey, model: string): RequestError {
  const shown = model.length > 100 ? `${model.slice(0, 97)}…` : model
  const all = [...snapshot.registry.routesOf(key.projectId), ...snapshot.knownModels()]
  const known = [...new Set(all)].filter((name) => allowsRoute(key.allowedRoutes, name))
  const meant = nearest(shown, known)
  const hint = meant === null ? '' : ` Did you mean ${JSON.stringify(meant)}?`
  const message = `No model ${JSON.stringify(shown)} for this key.${hint} GET /v1/models lists ${known.length}.`
  return new RequestError('model_not_found', message, { param: 'model' })
}
