/** The verdict of a run on the screen, in files, and as an exit code: all of it made by the server out of one object. */

import { extname } from 'node:path'
import { printableColored } from '../../../lib/printable.ts'
import type { CliContext } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { runPath } from './wire.ts'

const FORMATS: Readonly<Record<string, string>> = {
  '.html': 'html',
  '.xml': 'junit',
  '.md': 'markdown',
  '.json': 'json',
  '.txt': 'terminal',
}
const REPORT_TIMEOUT_MS = 120_000

export type ReportWish = {
  run: string
  /** Another run, to set beside it. */
  against: string | null
  out: readonly string[]
  json: boolean
}

/** Throws CliError for a file name whose ending names no form of report; before a run is begun. */
export function demandFormats(out: readonly string[]): void {
  for (const file of out) formatOf(file)
}

/** Prints the verdict, writes the files, and gives the exit code that the verdict has. */
export async function writeReports(
  context: CliContext,
  { run, against, out, json }: ReportWish,
): Promise<number> {
  const { terminal } = context
  await writeReportFiles(context, { run, against, out })
  const verdict = await readReport(context, { run, against, format: 'json' })
  terminal.write(json ? verdict : await readReport(context, { run, against, format: 'terminal' }))
  const { exit_code: code } = JSON.parse(verdict) as { exit_code?: number }
  if (!json) for (const file of out) terminal.write(`report: ${file}\n`)
  return code ?? EXIT.ours
}

/** Each in the form that its ending names. */
export async function writeReportFiles(
  context: CliContext,
  { run, against, out }: Omit<ReportWish, 'json'>,
): Promise<void> {
  for (const file of out) {
    const text = await readReport(context, { run, against, format: formatOf(file) })
    await context.actions.evals.write(file, text)
  }
}

/** As the server makes it; what is for the terminal is safe to print. */
export async function readReport(
  { client, terminal }: CliContext,
  { run, against, format }: { run: string; against: string | null; format: string },
): Promise<string> {
  const answer = await client.open(
    {
      method: 'GET',
      path: `${runPath(run)}/report`,
      query: {
        format,
        ...(against !== null && { against }),
        ...(format === 'terminal' && { width: String(terminal.columns), colors: String(terminal.colors) }),
      },
    },
    AbortSignal.timeout(REPORT_TIMEOUT_MS),
  )
  const text = await answer.text()
  return format === 'terminal' ? printableColored(text) : text
}

function formatOf(file: string): string {
  const format = FORMATS[extname(file).toLowerCase()]
  if (format !== undefined) return format
  throw new CliError(
    EXIT.usage,
    `--out ${file}: end it with ${Object.keys(FORMATS).join(', ')}, which says what kind of report it is.`,
  )
}
