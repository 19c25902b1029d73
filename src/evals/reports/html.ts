/**
 * A report as one file: it opens offline, runs no script and loads nothing, and the browser is told to allow neither. Names and
 * answers of others stand in it only through `markup`, isolated so that they cannot turn the text around them. Pure.
 */

import { differenceText, estimateText, probabilityText, valueText } from '../../lib/interval-text.ts'
import { type Markup, markup } from '../../lib/markup.ts'
import { printable, printableLine } from '../../lib/printable.ts'
import type { ScorerVerdict, Verdict } from '../runs/verdict.ts'
import { FLIPS_HEAD, flipRows } from './flip-rows.ts'
import { forestsOf } from './forest.ts'
import { forestFigure } from './html-forest.ts'
import { bulletList, definitions, figure, htmlPage, name, section, table } from './html-parts.ts'
import {
  ITEM_CHANGES,
  type ItemAnswer,
  type ItemChange,
  type ItemComparison,
  type ItemScoreChange,
} from './items.ts'
import { judgeSentences } from './judges.ts'
import { demandText } from './numbers.ts'
import { repeatSentences } from './repeats.ts'
import { counted, coverageText, factsOf, outcomeText, type Report } from './report.ts'

export function renderHtml(report: Report): string {
  const { verdict, about, items } = report
  const title = `${verdict.verdict}: ${printableLine(about.suite)}`
  const content = markup`<header>
<h1>${name(about.suite)}</h1>
<p class="outcome ${verdict.verdict}">${outcomeText(report)}</p>
${definitions(factsOf(report))}</header>
${verdict.reasons.length === 0 ? null : section('Why', bulletList(verdict.reasons))}${plots(verdict)}${section('Scorers', scorerTable(verdict))}${gates(verdict)}${repeats(verdict)}${judges(verdict)}${flips(verdict)}${items === null ? null : itemSections(items)}${section('What was fixed', definitions(fixed(report)))}`
  return htmlPage(title, content)
}

function plots(verdict: Verdict): Markup | null {
  const forests = forestsOf(verdict)
  return forests.length === 0 ? null : section('Forest plots', forests.map(forestFigure))
}

function scorerTable({ scorers, baseline }: Verdict): Markup {
  const compared = baseline === null ? ['estimate'] : ['baseline', 'candidate', 'difference', 'reads']
  return table(
    ['scorer', ...compared, 'judged', 'method'],
    scorers.map(
      (
        scorer,
      ) => markup`<tr><td class="name">${name(scorer.scorer)} <span class="quiet">${name(scorer.kind)} v${scorer.version}, ${scorer.better} is better</span></td>${
        baseline === null ? figure(estimateText(scorer.values, scorer.estimate)) : comparedCells(scorer)
      }<td>${coverageText(scorer.coverage)}</td><td class="quiet">${methods(scorer)}</td></tr>
`,
    ),
  )
}

function repeats({ scorers }: Verdict): Markup | null {
  const sentences = repeatSentences(scorers)
  return sentences.length === 0 ? null : section('Repeats', bulletList(sentences))
}

function judges({ scorers }: Verdict): Markup | null {
  const sentences = judgeSentences(scorers)
  return sentences.length === 0 ? null : section('Judges', bulletList(sentences))
}

function comparedCells({ values, estimate, compared }: ScorerVerdict): Markup[] {
  const difference = compared?.difference ?? null
  const reads =
    compared === null || difference === null
      ? '-'
      : `${compared.reads}, adjusted ${probabilityText(compared.adjustedP)}`
  return [
    figure(estimateText(values, compared?.baseline ?? null)),
    figure(estimateText(values, estimate)),
    figure(differenceText(values, difference)),
    markup`<td>${reads}</td>`,
  ]
}

function methods({ estimate, compared }: ScorerVerdict): string {
  const difference = compared?.difference ?? null
  return [
    estimate === null ? '-' : estimate.method,
    ...(difference === null
      ? []
      : [
          `difference ${difference.method}, ${counted(difference.items)} items in ${counted(difference.groups)} groups`,
        ]),
  ].join('; ')
}

function gates({ scorers }: Verdict): Markup | null {
  const rows = scorers.flatMap(({ scorer, gates: own }) =>
    own.map(
      (
        gate,
      ) => markup`<tr><td class="name">${name(scorer)}</td><td class="figure">${demandText(gate)}</td><td class="figure ${gate.verdict}">${gate.verdict}</td><td>${name(gate.reason)}</td></tr>
`,
    ),
  )
  return rows.length === 0
    ? null
    : section('Gates', table(['scorer', 'demanded', 'verdict', 'because'], rows))
}

function flips(verdict: Verdict): Markup | null {
  const rows = flipRows(verdict).map(
    ([scorer = '', perturbation = '', ...cells]) =>
      markup`<tr><td class="name">${name(scorer)}</td><td class="name">${name(perturbation)}</td>${cells.map(figure)}</tr>
`,
  )
  return rows.length === 0 ? null : section('Robustness', table(FLIPS_HEAD, rows))
}

function itemSections(comparison: ItemComparison): Markup {
  const { runs, items } = comparison
  const title = runs.length === 1 ? 'Items that fail' : 'Items that changed most'
  const list = items.length === 0 ? markup`<p>None.</p>\n` : items.map((item) => itemDetails(item, runs))
  return section(title, [changeCounts(comparison), list])
}

function changeCounts({ scorers, runs }: ItemComparison): Markup {
  const kinds = ITEM_CHANGES.filter((kind) => (kind === 'failing') === (runs.length === 1))
  return table(
    ['scorer', runs.length === 1 ? 'items' : 'items in both', ...kinds],
    scorers.map(
      ({
        scorer,
        compared,
        counts,
      }) => markup`<tr><td class="name">${name(scorer)}</td>${figure(counted(compared))}${kinds.map((kind) => figure(counted(counts[kind])))}</tr>
`,
    ),
  )
}

function itemDetails({ itemId, scores, answers }: ItemChange, runs: readonly string[]): Markup {
  const columns = runs.map((run, at) => answerColumn(run, answers[at] ?? null))
  return markup`<details><summary>${name(itemId)} <span class="quiet">${scores.map((change, at) => markup`${at === 0 ? '' : '; '}${changeText(change)}`)}</span></summary>
<div class="answers">
${columns}</div></details>
`
}

function changeText({ scorer, kind, scores }: ItemScoreChange): Markup {
  const means = scores.map(({ mean }) => (mean === null ? '-' : valueText('unbounded', mean))).join(' → ')
  return markup`${name(scorer)} ${kind}, ${means}`
}

function answerColumn(run: string, answer: ItemAnswer | null): Markup {
  const text = answer === null ? '(no answer is shown)' : (answer.output ?? answer.error ?? '(no answer)')
  const reasons = (answer?.reasons ?? []).map(
    ({ scorer, outcome, reason }) =>
      markup`<li>${name(scorer)}${outcome === 'scored' ? '' : ` ${outcome}`}: ${name(reason)}</li>\n`,
  )
  return markup`<div><h3>${name(run)}</h3>
<pre dir="auto">
${printable(text)}</pre>
${reasons.length === 0 ? null : markup`<ul class="quiet">\n${reasons}</ul>\n`}</div>
`
}

function fixed({ about }: Report): [string, string][] {
  return [
    ['decided at', `α ${about.alpha}, one-sided; ${about.coverage * 100} % of all judgements demanded`],
    ['made', about.createdAt],
    ['ended', about.finishedAt ?? 'not yet'],
    ['commit', about.gitCommit ?? '-'],
    ['run', about.hashes.content],
    ['measured alike', about.hashes.measure],
    ['dataset', about.hashes.dataset],
  ]
}
