/** A registry with one route, its production release, a candidate and a shadow; and requests that were answered. */

import { NOTHING_SUMMED } from '../../../../src/audit/shadows/store.ts'
import { parseBody } from '../../../../src/gateway/request.ts'
import type { Answered } from '../../../../src/gateway/shadows/choose.ts'
import type { OthersSpent } from '../../../../src/gateway/shadows/ledger.ts'
import { contentOf } from '../../../../src/registry/content.ts'
import { RegistryBook, type ServedShadow } from '../../../../src/registry/releases/book.ts'
import type { PriceData } from '../../../../src/registry/releases/price-data.ts'
import type { ShadowData } from '../../../../src/registry/releases/registry-data.ts'
import { bodyBytes, envelopeOf, type TestDeps } from '../parts.ts'

const PROJECT = 'prj_default'

export const SHADOW: ShadowData = {
  id: 'shd_1',
  projectId: PROJECT,
  route: 'answer',
  label: 'production',
  releaseId: 'rel_2',
  share: 10_000,
  budget: '1000000',
  allowUnpriced: false,
  startedAtMs: 0,
  endsAtMs: Number.MAX_SAFE_INTEGER,
}
export const served = (more: Partial<ServedShadow> = {}): ServedShadow => ({
  ...SHADOW,
  budget: BigInt(SHADOW.budget),
  ...more,
})

/** What others spent, as a process learns it that has summed nothing before. */
export const othersSpent = (microUsd: bigint): OthersSpent => ({
  logged: { ...NOTHING_SUMMED, microUsd },
  held: 0n,
})

/** Micro-USD per million tokens: a micro-USD for each token that goes in, two for each that comes out. */
export const PRICE: PriceData = {
  id: 'price_1',
  projectId: PROJECT,
  upstream: 'up',
  model: 'new-1',
  validFromMs: 0,
  source: 'a contract',
  figures: { input: '1000000', output: '2000000' },
}

const model = (name: string) => {
  const { text, hash } = contentOf({ upstream: 'up', model: `${name}-1`, parameters: {} })
  return { projectId: PROJECT, name, version: 1, hash, content: text }
}
const APP = model('app')
const NEW = model('new')

function release(number: number, { name, version, hash }: typeof APP, parameters: object) {
  const targets = [{ model: { name, version, hash }, weight: null }]
  const content = contentOf({ route: 'answer', prompt: null, targets, parameters, retries: 3 })
  return {
    id: `rel_${number}`,
    projectId: PROJECT,
    route: 'answer',
    number,
    hash: content.hash,
    content: content.text,
  }
}

export function bookWith(
  shadows: readonly ShadowData[] = [SHADOW],
  { prices = [PRICE], parameters = {} }: { prices?: readonly PriceData[]; parameters?: object } = {},
): RegistryBook {
  return new RegistryBook({
    version: '1',
    prompts: [],
    models: [APP, NEW],
    prices,
    releases: [release(1, APP, {}), release(2, NEW, parameters)],
    labels: [
      {
        projectId: PROJECT,
        route: 'answer',
        label: 'production',
        releaseId: 'rel_1',
        canaryReleaseId: null,
        canaryWeight: null,
      },
    ],
    shadows,
  })
}

/** A request to `answer` that the app's release answered. */
export function answered(
  deps: TestDeps,
  book: RegistryBook,
  { id = 'req_1', body = {}, ...more }: Partial<Omit<Answered, 'body'>> & { id?: string; body?: object } = {},
): Answered {
  const envelope = envelopeOf(deps, { id })
  return {
    envelope,
    body: parseBody('chat', bodyBytes({ model: 'answer', ...body })),
    plan: {
      route: 'answer',
      release: book.byId(PROJECT, 'rel_1'),
      targets: [],
      retries: 0,
      guarantee: deps.snapshot().guarantee,
    },
    outcome: 'completed',
    ...more,
  }
}
