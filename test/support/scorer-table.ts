/** The table of docs/scorers.md, made from the registry so that the two cannot say different things. */

import { z } from 'zod'
import type { ScorerKind } from '../../src/evals/scorers/scorer.ts'

type Described = {
  properties?: Record<string, { description?: string; default?: unknown }>
  required?: string[]
}

export function scorerTable(kinds: readonly ScorerKind[]): string {
  const header = ['kind', 'measures', 'values', 'settings', 'source', 'traps']
  const rows = kinds.map((kind) => [
    `\`${kind.kind}\``,
    kind.summary,
    `${kind.values}, ${kind.better} is better`,
    settingsText(kind),
    kind.source,
    kind.traps,
  ])
  return [header, header.map(() => '---'), ...rows].map(line).join('\n')
}

function settingsText({ kind, settings }: ScorerKind): string {
  const { properties = {} } = z.toJSONSchema(settings, { io: 'input' }) as Described
  const described = Object.entries(properties).map(([name, { description, default: preset }]) => {
    if (description === undefined) throw new Error(`The setting ${name} of ${kind} has no description.`)
    return `\`${name}\`: ${description}${preset === undefined ? '' : ` (\`${JSON.stringify(preset)}\`)`}`
  })
  return described.length === 0 ? 'none' : described.join('<br>')
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
