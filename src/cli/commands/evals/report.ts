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
  const { terminal, actions } = context
  for (const file of out) await actions.evals.write(file, await read(context, run, against, formatOf(file)))
  const verdict = await read(context, run, against, 'json')
  terminal.write(json ? verdict : printableColored(await read(context, run, against, 'terminal')))
  const { exit_code: code } = JSON.parse(verdict) as { exit_code?: number }
  if (!json) for (const file of out) terminal.write(`report: ${file}\n`)
  return code ?? EXIT.ours
}

async function read(
  { client, terminal }: CliContext,
  run: string,
  against: string | null,
  format: string,
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
  return await answer.text()
}

function formatOf(file: string): string {
  const format = FORMATS[extname(file).toLowerCase()]
  if (format !== undefined) return format
  throw new CliError(
    EXIT.usage,
    `--out ${file}: end it with ${Object.keys(FORMATS).join(', ')}, which says what kind of report it is.`,
  )
}
