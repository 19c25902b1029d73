/** What a change does to a prompt, short enough for a comment. */

import { fetchVersion } from '../commands/prompts/versions.ts'
import type { CliContext, DiffPart } from '../context.ts'
import type { Candidate } from '../sync/plan.ts'
import type { PromptChange } from './outcome.ts'

/** Of what stays the same, this much before and after what does not. */
const CONTEXT_CHARS = 80

/** Null when the prompt is the same. Both versions are on the server. Throws CliError. */
export async function readPromptChange(
  context: CliContext,
  { changes }: Candidate,
  version: (name: string, planned: number) => number,
): Promise<PromptChange | null> {
  const change = changes.find(({ kind }) => kind === 'prompt')
  if (change === undefined) return null
  const { name } = change
  const from = await fetchVersion(context, name, change.from)
  const to = await fetchVersion(context, name, version(name, change.to))
  const parts = await context.actions.prompts.diff(from.content, to.content)
  return { from: `${name}@${from.version}`, to: `${name}@${to.version}`, ...summaryOf(parts) }
}

/** Counts words; marks them as `git diff --word-diff` does. */
export function summaryOf(parts: readonly DiffPart[]): Pick<PromptChange, 'added' | 'removed' | 'text'> {
  const words = (wanted: DiffPart['kind']) =>
    parts
      .filter(({ kind }) => kind === wanted)
      .reduce((sum, { text }) => sum + (text.match(/\S+/g)?.length ?? 0), 0)
  const text = parts.map((part, at) => shown(part, at === 0, at === parts.length - 1)).join('')
  return { added: words('added'), removed: words('removed'), text }
}

function shown({ kind, text }: DiffPart, isFirst: boolean, isLast: boolean): string {
  if (kind === 'added') return `{+${text}+}`
  if (kind === 'removed') return `[-${text}-]`
  const head = isFirst ? '' : text.slice(0, CONTEXT_CHARS).toWellFormed()
  const tail = isLast ? '' : text.slice(-CONTEXT_CHARS).toWellFormed()
  return text.length <= head.length + tail.length ? text : `${head}…${tail}`
}
