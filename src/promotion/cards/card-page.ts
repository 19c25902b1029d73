/** A card as a page: all its sections in their order. Those of its evidence stand in evaluation-page.ts. Pure. */

import type { Card, CardIndex, CardModel, CardOperation, CardSaid } from './card.ts'
import {
  evaluationSection,
  failuresSection,
  fairnessSection,
  judgesSection,
  OPEN_QUESTION,
} from './evaluation-page.ts'
import { type Fact, type Page, type Section, UNKNOWN } from './page.ts'
import type { ShownCard } from './shown-card.ts'
import { sinceSections } from './since-page.ts'

const NONE = 'none'

export function cardPage({ card, kept, since }: ShownCard): Page {
  const { promotion } = card
  return {
    title: `${card.route} ${card.release}`,
    facts: [
      ...(kept === null
        ? [['card', 'live: made from what is there now, and kept nowhere'] as const]
        : [
            ['card', `${kept.id}, as it stood at ${kept.createdAt.toISOString()}`] as const,
            ['SHA-256', kept.hash] as const,
          ]),
      ...(promotion === null
        ? []
        : [
            [
              'promotion',
              `${promotion.id} to ${promotion.label} under policy ${promotion.policy}, asked for by ${promotion.requested_by} at ${promotion.requested_at}: ${promotion.reason}`,
            ] as const,
          ]),
      ['release', `made ${card.made_at} by ${card.made_by}; SHA-256 ${card.release_hash}`],
    ],
    sections: [
      ...(card.missing.length === 0
        ? []
        : [{ title: 'What nobody has stated', blocks: [{ kind: 'list', items: card.missing } as const] }]),
      useSection(card),
      ingredientsSection(card),
      modelsSection(card),
      dataSection(card),
      evaluationSection(card),
      judgesSection(card),
      fairnessSection(card),
      failuresSection(card),
      operationSection(card),
      limitsSection(card),
      ...sinceSections(since, kept !== null),
    ],
  }
}

function useSection({ purpose, owner, variables }: Card): Section {
  const facts: Fact[] = [
    ['purpose', purpose ?? UNKNOWN],
    ['owner', owner ?? UNKNOWN],
    ['variables', variables === null ? NONE : JSON.stringify(variables)],
  ]
  return { title: 'Intended use', blocks: [{ kind: 'facts', facts }] }
}

function ingredientsSection({ ingredients, parameters, retries, retrieval }: Card): Section {
  const rows = ingredients.map(({ kind, name, hash }) => [kind, name, hash])
  const facts: Fact[] = [
    ['parameters', JSON.stringify(parameters)],
    ['retries', String(retries)],
    ['search', retrieval === null ? NONE : JSON.stringify(retrieval)],
  ]
  return {
    title: 'What it is made of',
    blocks: [
      { kind: 'table', head: ['kind', 'version', 'SHA-256'], rows },
      { kind: 'facts', facts },
    ],
  }
}

function modelsSection({ models }: Card): Section {
  const head = [
    ...['version', 'upstream', 'licence', 'context', 'output'],
    ...['in / out per million', 'price from', 'sends'],
  ]
  const rows = models.map((model) => [
    model.weight === null ? model.version : `${model.version} (weight ${model.weight})`,
    `${model.upstream}/${model.model}`,
    model.licence ?? UNKNOWN,
    tokensText(model.context_window),
    tokensText(model.max_output_tokens),
    priceText(model),
    model.price?.source ?? UNKNOWN,
    JSON.stringify(model.parameters),
  ])
  const trained = models.flatMap(trainingText)
  return {
    title: 'Models, in the order they are tried',
    blocks: [
      { kind: 'table', head, rows },
      ...(trained.length === 0 ? [] : [{ kind: 'list', items: trained } as const]),
    ],
  }
}

/** Where a model comes from that was trained here; nothing of others. */
function trainingText({ version, training }: CardModel): string[] {
  if (training === undefined) return []
  const { base_model, method, hyperparameters, seed, data, validation, job, fine_tune } = training
  const dataText = ({ dataset, hash, items, digest }: typeof data) =>
    `${items} examples of ${dataset} (${hash}; file ${digest})`
  const settings = Object.entries({ ...hyperparameters, ...(seed !== null && { seed }) })
  return [
    [
      `${version}: trained from ${base_model}`,
      [method, ...settings.map(([name, value]) => `${name} ${value}`)].join(', '),
      `on ${dataText(data)}`,
      ...(validation === null ? [] : [`validated on ${dataText(validation)}`]),
      `${fine_tune}, job ${job} of the upstream`,
    ].join('; '),
  ]
}

function tokensText(tokens: number | null): string {
  return tokens === null ? UNKNOWN : `${tokens} tokens`
}

function priceText({ price }: CardModel): string {
  if (price === null) return UNKNOWN
  return `${usdText(price.input)} / ${usdText(price.output)}`
}

function usdText(amount: string | null): string {
  return amount === null ? UNKNOWN : `USD ${amount}`
}

function dataSection({ data: { index, datasets } }: Card): Section {
  const head = ['suite', 'dataset', 'items', 'licence', 'language', 'run', 'SHA-256']
  const rows = datasets.map((one) => [
    one.suite,
    one.split === null ? one.version : `${one.version}, split ${one.split}`,
    String(one.items),
    saidText(one.licences),
    saidText(one.languages),
    one.run,
    one.hash,
  ])
  return {
    title: 'Data',
    blocks: [
      ...(index === null
        ? [{ kind: 'text', text: 'It searches no index.' } as const]
        : [{ kind: 'facts', facts: indexFacts(index) } as const]),
      rows.length === 0
        ? { kind: 'text', text: 'No finished run of this release has measured it with a dataset.' }
        : { kind: 'table', head, rows },
    ],
  }
}

function indexFacts(index: CardIndex): Fact[] {
  return [
    ['index', `${index.version}, embedded by ${index.embedding}`],
    ['source', `${index.source}, ${index.documents} documents, snapshot ${index.snapshot}`],
    ['licence', saidText(index.licences)],
    ['language', saidText(index.languages)],
  ]
}

/** `en (380), unknown (20)`; one alone without its count. */
function saidText(said: readonly CardSaid[]): string {
  const [only] = said
  if (only === undefined) return UNKNOWN
  if (said.length === 1) return only.value ?? UNKNOWN
  return said.map(({ value, count }) => `${value ?? UNKNOWN} (${count})`).join(', ')
}

function operationSection({ cost_and_latency: operations }: Card): Section {
  const title = 'Cost and latency of the evidence'
  if (operations.length === 0) return { title, blocks: [{ kind: 'text', text: OPEN_QUESTION }] }
  const head = ['suite', 'answers', 'without an answer', 'cost of one', 'p50', 'p95', 'run']
  const rows = operations.map((one) => [
    one.suite,
    String(one.answered),
    String(one.failed),
    costText(one),
    latencyText(one.latency_p50_ms),
    latencyText(one.latency_p95_ms),
    one.run,
  ])
  return { title, blocks: [{ kind: 'table', head, rows }] }
}

function costText({ cost_usd: cost, unpriced }: CardOperation): string {
  return `${usdText(cost)}${unpriced === 0 || cost === null ? '' : `, unknown of ${unpriced}`}`
}

function latencyText(ms: number | null): string {
  return ms === null ? UNKNOWN : `${Math.round(ms)} ms`
}

function limitsSection({ models }: Card): Section {
  return { title: 'Limits', blocks: [{ kind: 'list', items: models.map(limitsText) }] }
}

function limitsText({ version, capabilities, notes }: CardModel): string {
  const named = (wanted: boolean | null) =>
    Object.entries(capabilities)
      .filter(([, can]) => can === wanted)
      .map(([name]) => name)
  const [cannot, unstated] = [named(false), named(null)]
  const parts = [
    cannot.length === 0 ? 'no capability is ruled out' : `cannot do ${cannot.join(', ')}`,
    ...(unstated.length === 0 ? [] : [`nobody has stated ${unstated.join(', ')}`]),
    ...(notes === null ? [] : [notes]),
  ]
  return `${version}: ${parts.join('; ')}`
}
