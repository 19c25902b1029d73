/**
 * The model card of a release, first form: what the registry knows, pure. What nobody stated is said to be unknown; what
 * evaluations and monitoring will know is left out rather than made up.
 */

type CardIngredient = { kind: 'prompt' | 'model' | 'index'; name: string; hash: string }

export type Card = {
  route: string
  release: string
  hash: string
  made_at: string
  made_by: string
  purpose: string | null
  owner: string | null
  ingredients: CardIngredient[]
  /** JSON Schema of what the prompt is filled with. */
  variables: unknown
  parameters: Record<string, unknown>
  /** How the index is searched; null for a release without one. */
  retrieval: Record<string, unknown> | null
  models: CardModel[]
  labels: string[]
  history: CardMove[]
}

export type CardModel = {
  version: string
  upstream: string
  model: string
  weight: number | null
  licence: string | null
  context_window: number | null
  max_output_tokens: number | null
  capabilities: Record<string, boolean>
  notes: string | null
  price: CardPrice | null
}

/** USD per million tokens as decimal text; null is unknown. */
export type CardPrice = { input: string | null; output: string | null; source: string }

export type CardMove = { label: string; to: string; at: string; by: string; reason: string; decision: string }

/** The card as a page. Every text of a person stands in a list or a table cell, where it can end nothing. */
export function cardMarkdown(card: Card): string {
  return [
    `# ${card.route} ${card.release}`,
    '',
    line('Purpose', card.purpose),
    line('Owner', card.owner),
    line('Made', `${card.made_at} by ${card.made_by}`),
    line('Labels', card.labels.length === 0 ? 'none' : card.labels.join(', ')),
    line('Hash', card.hash),
    '',
    '## What it is made of',
    '',
    table(
      ['kind', 'version', 'SHA-256'],
      card.ingredients.map(({ kind, name, hash }) => [kind, name, hash]),
    ),
    '',
    line('Parameters', JSON.stringify(card.parameters)),
    ...(card.retrieval === null ? [] : [line('Search', JSON.stringify(card.retrieval))]),
    line('Variables', card.variables === null ? 'none' : JSON.stringify(card.variables)),
    '',
    '## Models, in the order they are tried',
    '',
    table(
      ['version', 'upstream', 'licence', 'context', 'output', 'price in / out per million', 'price from'],
      card.models.map((model) => [
        model.weight === null ? model.version : `${model.version} (weight ${model.weight})`,
        `${model.upstream}/${model.model}`,
        model.licence ?? UNKNOWN,
        String(model.context_window ?? UNKNOWN),
        String(model.max_output_tokens ?? UNKNOWN),
        model.price === null ? UNKNOWN : `${usd(model.price.input)} / ${usd(model.price.output)}`,
        model.price?.source ?? '',
      ]),
    ),
    '',
    '## Limits',
    '',
    ...card.models.map((model) => `- ${model.version}: ${limitsOf(model)}`),
    '',
    '## Where it was served',
    '',
    card.history.length === 0
      ? 'No label has pointed to it.'
      : table(
          ['when', 'label', 'by', 'why', 'decision'],
          card.history.map(({ at, label, by, reason, decision }) => [at, label, by, reason, decision]),
        ),
    '',
    'Evidence from evaluations, approvals and drift are not part of this card yet.',
    '',
  ].join('\n')
}

const UNKNOWN = 'unknown'

function line(name: string, text: string | null): string {
  return `- **${name}**: ${oneLine(text ?? UNKNOWN)}`
}

function usd(amount: string | null): string {
  return amount === null ? UNKNOWN : `$${amount}`
}

function limitsOf({ capabilities, notes }: CardModel): string {
  const cannot = Object.entries(capabilities)
    .filter(([, can]) => !can)
    .map(([name]) => name)
  const said = cannot.length === 0 ? 'no capability is ruled out' : `cannot do ${cannot.join(', ')}`
  return oneLine(notes === null ? said : `${said}; ${notes}`)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) => `| ${cells.map(oneLine).join(' | ')} |`
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')
}

/** A line break would end a cell, a bar would begin another one, and HTML would be taken for the page's own. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;').trim()
}
