/** The report of a run in one of its forms, from the database to the text. Loaded when a report is asked for, not before. */

import type { RunRow } from '../runs/run-rows.ts'
import { renderHtml } from './html.ts'
import { reportJson } from './json.ts'
import { renderJunit } from './junit.ts'
import { makeReport, type ReportDeps } from './make-report.ts'
import { renderMarkdown } from './markdown.ts'
import type { Report } from './report.ts'
import { renderTerminal, type TerminalSettings } from './terminal.ts'

export type ReportFormat = 'json' | 'terminal' | 'markdown' | 'junit' | 'html'

type Form = { type: string; render: (report: Report, settings: TerminalSettings) => string }

const FORMS: Record<ReportFormat, Form> = {
  json: { type: 'application/json', render: (report) => `${JSON.stringify(reportJson(report), null, 2)}\n` },
  terminal: { type: 'text/plain; charset=utf-8', render: renderTerminal },
  markdown: { type: 'text/markdown; charset=utf-8', render: renderMarkdown },
  junit: { type: 'application/xml; charset=utf-8', render: renderJunit },
  html: { type: 'text/html; charset=utf-8', render: renderHtml },
}

/** Both runs have ended; `baseline` null is a report of one alone. */
export async function renderReport(
  deps: ReportDeps,
  { run, baseline }: { run: RunRow; baseline: RunRow | null },
  format: ReportFormat,
  settings: TerminalSettings,
): Promise<{ type: string; text: string }> {
  const { type, render } = FORMS[format]
  return { type, text: render(await makeReport(deps, run, baseline), settings) }
}
