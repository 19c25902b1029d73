/** A check as one comment on a pull request, GitHub's Markdown: the outcome first, then each route with its suites. Pure. */

import { folded, inlineCode, plainProse, preformatted, table } from '../../lib/github-markdown.ts'
import { formatUsd } from '../../lib/money.ts'
import { EXIT } from '../exit-codes.ts'
import { shorten } from '../format.ts'
import { nextSteps } from './next-steps.ts'
import {
  type CheckOutcome,
  costOf,
  exitCodeOf,
  outcomeText,
  type PromptChange,
  type RouteOutcome,
  type SuiteOutcome,
} from './outcome.ts'

/** Markdown shows nothing of it; whoever posts the comment finds its earlier one by it. */
const MARKER = '<!-- aval ci -->'
/** GitHub refuses a comment of more than 65,536 characters. What would not fit is left out and said to be. */
const MAX_CHARS = 60_000
/** Kept for what every suite and the end say in short. */
const RESERVED_CHARS = 12_000
const MAX_ROUTES = 20
const MAX_SUITES = 20
const MAX_REASONS = 3
const MAX_REASON_CHARS = 400
const MAX_DIFF_CHARS = 4000

export function commentText(outcome: CheckOutcome): string {
  const code = exitCodeOf(outcome)
  const steps = nextSteps(outcome)
  const head = [`${MARKER}\n## Aval: ${headline(outcome, code)}\n`, ...notes(outcome)]
  const tail = [
    costText(outcome),
    steps.length === 0 ? '' : `**Next**\n\n${steps.map(stepText).join('')}`,
    'No label was moved, and nothing was promoted.\n',
  ]
  const room = { chars: MAX_CHARS - RESERVED_CHARS - length(head) - length(tail) }
  const routes = outcome.routes.slice(0, MAX_ROUTES).map((route) => routeText(route, outcome.label, room))
  const more = outcome.routes.length - routes.length
  return [...head, ...routes, more > 0 ? `And ${more} routes more.\n` : '', ...tail]
    .filter((section) => section !== '')
    .join('\n')
}

/** For files that nobody could check: what is wrong with them. */
export function mistakesText(code: number, message: string): string {
  const text = shorten(message, MAX_CHARS / 2)
  return `${MARKER}\n## Aval: ${outcomeText(code)}\n\nNothing was measured.\n\n${preformatted(text)}`
}

function headline({ routes }: CheckOutcome, code: number): string {
  return routes.length === 0 && code === EXIT.done ? 'nothing to do' : outcomeText(code)
}

function notes({ routes, kept, unreleased, leftOut, mixed, label }: CheckOutcome): string[] {
  const lines = [
    ...(routes.length === 0 ? [`No route differs from what ${label} serves.`] : []),
    ...unreleased.map((ref) => `${ref} is in no release yet, so nothing could be measured.`),
    ...leftOut.map(({ route }) => `${route} changed too. No suite that was named asks it.`),
    ...mixed.map(
      ({ route, model }) => `${route} has model ${model} in several versions; make its next release by hand.`,
    ),
    ...kept.map(
      ({ route, kind, name, file, pinned }) =>
        `${route} keeps ${kind} ${name}@${pinned}: the file is @${file}, an older one. To go back on purpose: aval release create ${route} --${kind} ${name}@${file}`,
    ),
  ]
  return lines.length === 0 ? [] : [lines.map((line) => `- ${plainProse(line)}\n`).join('')]
}

function routeText(outcome: RouteOutcome, label: string, room: { chars: number }): string {
  const { candidate, release, isNew, prompt, suites } = outcome
  const { route, from, changes, isServed } = candidate
  const against = isServed ? ` against r${from}, which ${inlineCode(label)} serves` : ''
  const sections = [
    `### ${inlineCode(route)}: r${release}${isNew ? ' (new)' : ''}${against}\n`,
    changes.length === 0
      ? `${plainProse(`${label} serves no release of this route yet.`)}\n`
      : table(
          ['ingredient', `r${from}`, `r${release}`],
          changes.map(({ kind, name, from: old, to }) => [
            `${kind} ${inlineCode(name)}`,
            `@${old}`,
            `@${to}`,
          ]),
        ),
    prompt === null ? '' : promptText(prompt),
    suites.length === 0 ? '**No suite asks this route, so nobody knows whether it is worse.**\n' : '',
  ]
  room.chars -= length(sections)
  const texts = suites.slice(0, MAX_SUITES).map((suite) => suiteText(suite, room))
  const more = suites.length - texts.length
  return [...sections, ...texts, more > 0 ? `And ${more} suites more.\n` : '']
    .filter((section) => section !== '')
    .join('\n')
}

function promptText({ from, to, added, removed, text }: PromptChange): string {
  const summary = `${inlineCode(from)} → ${inlineCode(to)}: words added ${added}, removed ${removed}`
  return folded(summary, preformatted(shorten(text, MAX_DIFF_CHARS)))
}

/** The server's report has its own heading, table and facts; without room for it the reasons have to do. */
function suiteText(suite: SuiteOutcome, room: { chars: number }): string {
  const { markdown, exitCode, isReused } = suite
  const runs = isReused && suite.run !== null ? 'Measured before; nothing was paid again. ' : ''
  const look = suite.run === null ? '' : `${runs}Look again: ${inlineCode(showCommand(suite))}\n`
  if (markdown !== '' && markdown.length <= room.chars) {
    room.chars -= markdown.length
    return `${markdown}\n${look}`
  }
  const heading = `### ${outcomeText(exitCode)}: ${inlineCode(suite.suite)}\n`
  const reasons = suite.reasons
    .slice(0, MAX_REASONS)
    .map((reason) => `- ${plainProse(shorten(reason, MAX_REASON_CHARS))}\n`)
  const left = markdown === '' ? '' : 'Its report is left out here: the comment would be too long.\n'
  return [heading, reasons.join(''), left, look].filter((section) => section !== '').join('\n')
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

function length(sections: readonly string[]): number {
  return sections.reduce((sum, section) => sum + section.length, 0)
}
