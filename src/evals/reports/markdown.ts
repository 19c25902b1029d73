/**
 * A report as a comment on a pull request: GitHub's Markdown, the verdict first. No name, reason or output of others can become
 * markup, a link or a mention. Pure.
 */

import { folded, inlineCode, plainProse, preformatted, table } from '../../lib/github-markdown.ts'
import { differenceText, estimateText, probabilityText, valueText } from '../../lib/interval-text.ts'
import { escapeMarkup } from '../../lib/markup.ts'
import { printableLine } from '../../lib/printable.ts'
import type { ScorerVerdict, Verdict } from '../runs/verdict.ts'
import { clip } from '../scorers/outcome.ts'
import { FLIPS_HEAD, flipRows } from './flip-rows.ts'
import { forestsOf } from './forest.ts'
import { forestKey, forestLines } from './forest-text.ts'
import type { ItemChange, ItemComparison } from './items.ts'
import { judgeSentences } from './judges.ts'
import { demandText } from './numbers.ts'
import { repeatSentences } from './repeats.ts'
import { counted, factsOf, outcomeText, type Report, takenOverFacts } from './report.ts'

/** GitHub refuses a comment of more than 65,536 characters. What would not fit is left out and said to be. */
const MAX_CHARS = 60_000
const MAX_REASONS = 20
const MAX_REASON_CHARS = 400
const MAX_NAME_CHARS = 60
const MAX_ITEMS = 20
/** Items whose answers are shown, and how much of each. */
const MAX_ANSWERED = 5
const MAX_OUTPUT_CHARS = 500
const PLOT_WIDTH = 100

export function renderMarkdown(report: Report): string {
  const { verdict, items } = report
  const head = `### ${outcomeText(report)}: ${code(report.about.suite)}\n`
  const sections = [
    scorerTable(verdict),
    flipTable(verdict),
    reasonList(verdict.reasons),
    reasonList(takenOverFacts(report).map(([label, value]) => `${label}: ${value}`)),
    folded('Repeats', reasonList(repeatSentences(verdict.scorers))),
    folded('Judges', reasonList(judgeSentences(verdict.scorers))),
    folded('Run', factTable(report)),
    items === null || items.items.length === 0 ? '' : folded(itemsTitle(items), itemTables(items)),
    folded('Forest plot', plotText(verdict)),
  ]
  return `${joined([head, ...sections.filter((section) => section !== '')])}`
}

function joined(sections: readonly string[]): string {
  let text = ''
  let left = 0
  for (const section of sections) {
    if (text.length + section.length > MAX_CHARS) left += 1
    else text += `${text === '' ? '' : '\n'}${section}`
  }
  const parts = left === 1 ? 'part is' : 'parts are'
  return left === 0
    ? text
    : `${text}\n${counted(left)} ${parts} left out here: the comment would be too long.\n`
}

function code(name: string): string {
  return inlineCode(clip(printableLine(name), MAX_NAME_CHARS))
}

function prose(text: string): string {
  return plainProse(clip(printableLine(text), MAX_REASON_CHARS))
}

function scorerTable({ scorers }: Verdict): string {
  const isCompared = scorers.some(({ compared }) => compared !== null)
  const figures = isCompared ? ['baseline', 'candidate', 'difference', 'reads'] : ['estimate']
  const rows = scorers.map((scorer) => [
    code(scorer.scorer),
    ...(isCompared ? comparedCells(scorer) : [estimateText(scorer.values, scorer.estimate)]),
    scorer.gates.map((gate) => `${demandText(gate)}: **${gate.verdict}**`).join('<br>') || '-',
  ])
  return table(['scorer', ...figures, 'gate'], rows)
}

function flipTable(verdict: Verdict): string {
  const rows = flipRows(verdict)
  if (rows.length === 0) return ''
  const named = rows.map(([scorer = '', perturbation = '', ...cells]) => [
    code(scorer),
    code(perturbation),
    ...cells,
  ])
  return table(FLIPS_HEAD, named)
}

function comparedCells({ values, compared, estimate }: ScorerVerdict): string[] {
  const difference = compared?.difference ?? null
  const reads = compared === null || difference === null ? '-' : compared.reads
  const p = compared === null || difference === null ? '' : `, ${probabilityText(compared.adjustedP)}`
  return [
    estimateText(values, compared?.baseline ?? null),
    estimateText(values, estimate),
    differenceText(values, difference),
    reads === 'better' || reads === 'worse' ? `${reads}${escapeMarkup(p)}` : reads,
  ]
}

function reasonList(reasons: readonly string[]): string {
  const more = reasons.length - MAX_REASONS
  return [
    ...reasons.slice(0, MAX_REASONS).map((reason) => `- ${prose(reason)}\n`),
    more > 0 ? `- and ${counted(more)} more\n` : '',
  ].join('')
}

function factTable(report: Report): string {
  return table(
    ['', ''],
    factsOf(report).map(([label, value]) => [label, code(value)]),
  )
}

function plotText(verdict: Verdict): string {
  const forests = forestsOf(verdict)
  if (forests.length === 0) return ''
  const lines = forests.flatMap((forest) => [...forestLines(forest, PLOT_WIDTH), ''])
  return preformatted([...lines, forestKey(forests)].join('\n'))
}

function itemsTitle({ runs, items }: ItemComparison): string {
  const what = runs.length === 1 ? 'that fail' : 'that changed most'
  return `${counted(items.length)} ${items.length === 1 ? 'item' : 'items'} ${what}`
}

function itemTables({ items, runs }: ItemComparison): string {
  const shown = items.slice(0, MAX_ITEMS)
  const rows = shown.flatMap(({ itemId, scores }) =>
    scores.map(({ scorer, kind, scores: of }) => [
      code(itemId),
      code(scorer),
      kind,
      of.map(({ mean }) => (mean === null ? '-' : valueText('unbounded', mean))).join(' → '),
    ]),
  )
  const more = items.length - shown.length
  return [
    table(['item', 'scorer', 'change', runs.length === 1 ? 'value' : 'mean'], rows),
    more > 0 ? `\nand ${counted(more)} more\n` : '',
    ...shown.slice(0, MAX_ANSWERED).map((item) => answersText(item, runs)),
  ].join('')
}

function answersText({ itemId, answers }: ItemChange, runs: readonly string[]): string {
  const texts = answers.flatMap((answer, at) => {
    const text = answer === null ? null : (answer.output ?? answer.error)
    if (text === null) return []
    return [`\n${code(itemId)} in ${code(runs[at] ?? '')}\n\n${preformatted(clip(text, MAX_OUTPUT_CHARS))}`]
  })
  return texts.join('')
}
