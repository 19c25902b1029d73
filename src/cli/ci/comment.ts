/** A check as one comment on a pull request, GitHub's Markdown: the outcome first, then each route with its suites. Pure. */

import { folded, inlineCode, plainProse, preformatted, table } from '../../lib/github-markdown.ts'
import { formatUsd } from '../../lib/money.ts'
import { shorten } from '../format.ts'
import { nextSteps } from './next-steps.ts'
import { keptText, leftOutText, mixedText, sparedText, UNASKED, unaskedText } from './notes.ts'
import {
  type CheckOutcome,
  costOf,
  headline,
  outcomeText,
  type PromptChange,
  type RouteOutcome,
  type SuiteOutcome,
} from './outcome.ts'

/** Markdown shows nothing of it; whoever posts the comment finds its earlier one by it. */
const MARKER = '<!-- aval ci -->'
/** GitHub refuses a comment of more than 65,536 characters. What would not fit is left out and said to be. */
const MAX_CHARS = 60_000
/** Kept for what routes and suites say in short, and for the end. */
const RESERVED_CHARS = 20_000
const MAX_NOTES = 20
const MAX_REASONS = 3
const MAX_REASON_CHARS = 400
const MAX_DIFF_CHARS = 4000
/** A sign may become a reference of six. */
const MAX_MISTAKES_CHARS = MAX_CHARS / 6

/** `short` takes the place of a text without room. */
type Section = { text: string; short?: string }

export function commentText(outcome: CheckOutcome): string {
  const steps = nextSteps(outcome)
  const head = [`${MARKER}\n## Aval: ${headline(outcome)}\n`, notesText(outcome)]
  const tail = [
    costText(outcome),
    steps.length === 0 ? '' : `**Next**\n\n${steps.map(stepText).join('')}`,
    'No label was moved, and nothing was promoted.\n',
  ]
  const taken = [...head, ...tail].reduce((sum, section) => sum + section.length, 0)
  const sections = outcome.routes.flatMap((route) => routeSections(route, outcome.label))
  return [...head, ...fitted(sections, MAX_CHARS - taken), ...tail]
    .filter((section) => section !== '')
    .join('\n')
}

/** What has room, in order; how many sections have none is said. */
function fitted(sections: readonly Section[], chars: number): string[] {
  const texts: string[] = []
  let [room, left] = [chars, 0]
  for (const { text, short = '' } of sections) {
    const isShort = text.length > room - RESERVED_CHARS && short !== ''
    const chosen = isShort ? short : text
    if (chosen.length >= room) {
      left += 1
      continue
    }
    texts.push(chosen)
    room -= chosen.length + 1
  }
  return left === 0 ? texts : [...texts, `Parts left out here, as the comment would be too long: ${left}.\n`]
}

/** For files that nobody could check: what is wrong with them. */
export function mistakesText(code: number, message: string): string {
  const text = shorten(message, MAX_MISTAKES_CHARS)
  return `${MARKER}\n## Aval: ${outcomeText(code)}\n\nNothing was measured.\n\n${preformatted(text)}`
}

function notesText(outcome: CheckOutcome): string {
  const { routes, kept, unreleased, leftOut, unasked, spared, mixed, label } = outcome
  const isSame = [routes, leftOut, unasked, mixed].every(({ length }) => length === 0)
  const lines = [
    ...(isSame ? [`No route differs from what ${label} serves.`] : []),
    ...unreleased.map((ref) => `${ref} is in no release yet, so nothing could be measured.`),
    ...leftOut.map(leftOutText),
    ...unasked.map((one) => unaskedText(one, label)),
    ...spared.map((one) => sparedText(one, label)),
    ...mixed.map(mixedText),
    ...kept.map(keptText),
  ]
  const more = lines.length - MAX_NOTES
  const shown = [...lines.slice(0, MAX_NOTES), ...(more > 0 ? [`And ${more} more.`] : [])]
  return shown.map((line) => `- ${plainProse(shorten(line, MAX_REASON_CHARS))}\n`).join('')
}

function routeSections(outcome: RouteOutcome, label: string): Section[] {
  const { candidate, release, isNew, prompt, suites } = outcome
  const { route, from, changes, isServed } = candidate
  const against = isServed ? ` against r${from}, which ${inlineCode(label)} serves` : ''
  const heading = `### ${inlineCode(route)}: r${release}${isNew ? ' (new)' : ''}${against}\n`
  const rows = changes.map(({ kind, name, from: old, to }) => [
    `${kind} ${inlineCode(name)}`,
    `@${old}`,
    `@${to}`,
  ])
  const what =
    changes.length === 0
      ? `${plainProse(`${label} serves no release of this route yet.`)}\n`
      : table(['ingredient', `r${from}`, `r${release}`], rows)
  const lack = suites.length === 0 ? `\n**${UNASKED}**\n` : ''
  return [
    { text: `${heading}\n${what}${lack}`, short: `${heading}${lack}` },
    ...(prompt === null ? [] : [{ text: promptText(prompt), short: `${promptSummary(prompt)}\n` }]),
    ...suites.map(suiteSection),
  ]
}

function promptText(change: PromptChange): string {
  return folded(promptSummary(change), preformatted(shorten(change.text, MAX_DIFF_CHARS)))
}

function promptSummary({ from, to, added, removed }: PromptChange): string {
  return `${inlineCode(from)} → ${inlineCode(to)}: words added ${added}, removed ${removed}`
}

/** The server's report has its own heading, table and facts; without room for it the reasons have to do. */
function suiteSection(suite: SuiteOutcome): Section {
  const { markdown, exitCode, isReused, run } = suite
  const before = isReused && run !== null ? 'Measured before; nothing was paid again. ' : ''
  const look = run === null ? '' : `${before}Look again: ${inlineCode(showCommand(suite))}\n`
  const heading = `### ${outcomeText(exitCode)}: ${inlineCode(suite.suite)}\n`
  const reasons = suite.reasons
    .slice(0, MAX_REASONS)
    .map((reason) => `- ${plainProse(shorten(reason, MAX_REASON_CHARS))}\n`)
  const parts = [heading, reasons.join('')].filter((part) => part !== '')
  if (markdown === '') return { text: [...parts, look].filter((part) => part !== '').join('\n') }
  const left = `Its report is left out here: the comment would be too long. ${look}`
  return { text: `${markdown}\n${look}`, short: [...parts, left].join('\n') }
}

function showCommand({ run, baseline }: SuiteOutcome): string {
  return `aval eval show ${run}${baseline === null ? '' : ` --against ${baseline}`}`
}

function costText(outcome: CheckOutcome): string {
  if (outcome.routes.length === 0) return ''
  const { cost, unpriced } = costOf(outcome)
  const unknown = unpriced === 0 ? '' : `, and ${unpriced} answers or judgements of unknown price`
  return `This check cost ${formatUsd(cost)}${unknown}.\n`
}

function stepText({ says, command }: { says: string; command: string | null }): string {
  return `- ${plainProse(says)}${command === null ? '' : ` ${inlineCode(command)}`}\n`
}
