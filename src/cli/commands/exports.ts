/** `aval audit export|exports`: takes the log away as files, with proof of what they are. */

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { printableLine } from '../../lib/printable.ts'
import {
  type CliContext,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
} from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { formatBytes, formatTable, formatTime, shorten } from '../format.ts'
import { showList } from '../list.ts'
import { type Look, startProgress } from '../progress.ts'
import {
  filterWords,
  type RequestFilters,
  type TimeFilters,
  withRequestFilters,
  withTimes,
} from '../request-filters.ts'

type ExportFile = { name: string; bytes: number; sha256: string }
type Export = {
  id: string
  state: 'queued' | 'running' | 'done' | 'failed'
  format: string
  bodies: boolean
  purpose: string
  created_by_name: string | null
  created_at: string
  expires_at: string
  rows_total: number | null
  rows_done: number
  files: ExportFile[]
  error: string | null
}
type ExportOptions = TimeFilters &
  RequestFilters & {
    format: string
    out: string
    bodies?: boolean
    purpose: string
    json?: boolean
  }

const POLL_MS = 500
/** Of one file; what breaks off is fetched again with `exports fetch`. */
const DOWNLOAD_TIMEOUT_MS = 6 * 3_600_000
const MANIFEST = 'manifest.json'
const EXPORT_LOOK: Look = {
  bar: '{state}  {bar} {percentage} %  {value} of {total} rows  eta {eta_formatted}',
  line: ({ total, phase }, percent) =>
    phase === 'queued' ? 'waiting for a worker' : `${percent ?? 0} %  of ${total ?? '?'} rows`,
}

export function addExportCommands(audit: Command, context: CliContext): void {
  addExport(audit, context)
  const exports = audit.command('exports').description('exports that were asked for in the last three days')
  withExamples(
    withPaging(exports.command('list').description('exports of your project, newest first')),
    'aval audit exports list',
  ).action(context.run((options: ListOptions) => list(context, options)))
  withExamples(
    withJson(
      exports
        .command('fetch')
        .argument('<id>', 'exp_…')
        .requiredOption('--out <folder>', 'where its files go')
        .description('waits for an export and fetches its files'),
    ),
    'aval audit exports fetch exp_01k… --out ./october',
  ).action(
    context.run((id: string, options: { out: string; json?: boolean }) => fetchExport(context, id, options)),
  )
}

function addExport(audit: Command, context: CliContext): void {
  withExamples(
    withJson(
      withRequestFilters(
        withTimes(
          audit
            .command('export')
            .description('rows of your project as files, with a manifest to check them by'),
          (since) => since.makeOptionMandatory(),
        )
          .requiredOption('--out <folder>', 'where the files go')
          .requiredOption('--purpose <why>', 'why you take them; it stands on the log beside your export')
          .addOption(
            new Option('--format <format>', 'JSON lines or Parquet')
              .choices(['jsonl', 'parquet'])
              .default('jsonl'),
          )
          .option('--bodies', 'with what was asked and answered'),
      ),
    ),
    'aval audit export --since 2026-10-01 --until 2026-11-01 --out ./october --purpose "yearly audit"',
    'aval audit export --since 7d --route support-answer --format parquet --bodies --out ./week --purpose "case 311"',
  ).action(context.run((options: ExportOptions) => exportRows(context, options)))
}

async function exportRows(context: CliContext, options: ExportOptions): Promise<undefined> {
  const { out, json, bodies, ...rest } = options
  refuseTaken(out)
  const created = await context.client.json<Export>({
    method: 'POST',
    path: '/api/exports',
    body: {
      ...filterWords(rest),
      bodies: bodies === true,
    },
  })
  if (json !== true) {
    const again = `aval audit exports fetch ${created.id} --out ${out}`
    context.terminal.writeError(`A worker writes it. When this is interrupted: ${again}\n`)
  }
  return await fetchExport(context, created.id, { out, ...(json === undefined ? {} : { json }) })
}

async function fetchExport(
  context: CliContext,
  id: string,
  options: { out: string; json?: boolean },
): Promise<undefined> {
  refuseTaken(options.out)
  const done = await waitFor(context, id, options.json === true)
  await mkdir(options.out, { recursive: true })
  // The manifest comes last: a folder that has one is whole.
  const files = done.files.toSorted(
    (one, other) => Number(one.name === MANIFEST) - Number(other.name === MANIFEST),
  )
  for (const file of files) await download(context, id, file, options.out)
  if (options.json) {
    writeJson(context, { ...done, out: options.out })
    return undefined
  }
  context.terminal.write(
    `${formatTable(
      ['FILE', 'SIZE', 'SHA-256'],
      files.map(({ name, bytes, sha256 }) => [join(options.out, name), formatBytes(bytes), sha256]),
    )}\n${done.rows_done} rows. ${join(options.out, MANIFEST)} says how to check them.\n`,
  )
  return undefined
}

function refuseTaken(out: string): void {
  if (!existsSync(join(out, MANIFEST))) return
  throw new CliError(EXIT.usage, `${out} has an export already. Choose another folder with --out.`)
}

async function waitFor(context: CliContext, id: string, quiet: boolean): Promise<Export> {
  const progress = startProgress(context.terminal, EXPORT_LOOK, quiet)
  try {
    for (;;) {
      const now = await context.client.json<Export>({
        method: 'GET',
        path: `/api/exports/${encodeURIComponent(id)}`,
      })
      progress.update({
        done: now.rows_done,
        total: now.rows_total,
        phase: now.state,
        words: { state: now.state },
      })
      if (now.state === 'done') return now
      if (now.state === 'failed') {
        throw new CliError(EXIT.ours, `The export ${id} failed. ${printableLine(now.error ?? '')}`)
      }
      await sleep(POLL_MS)
    }
  } finally {
    progress.stop()
  }
}

/** Written beside and renamed when the digest is right. */
async function download(context: CliContext, id: string, file: ExportFile, out: string): Promise<void> {
  // A name is the server's word; it must not lead out of the folder.
  const name = basename(file.name)
  const answer = await context.client.open(
    { method: 'GET', path: `/api/exports/${encodeURIComponent(id)}/files/${encodeURIComponent(file.name)}` },
    AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS),
  )
  const partial = join(out, `${name}.part`)
  const digest = createHash('sha256')
  const target = await open(partial, 'w', 0o600)
  try {
    for await (const chunk of answer.body ?? []) {
      digest.update(chunk as Uint8Array)
      await target.write(chunk as Uint8Array)
    }
    await target.sync()
  } finally {
    await target.close()
  }
  if (digest.digest('hex') !== file.sha256) {
    const again = `aval audit exports fetch ${id} --out ${out}`
    throw new CliError(
      EXIT.ours,
      `${name} arrived with another digest than the server named. Again: ${again}`,
    )
  }
  await rename(partial, join(out, name))
}

async function list(context: CliContext, options: ListOptions): Promise<undefined> {
  return await showList<Export>(context, options, {
    path: '/api/exports',
    none: 'No exports. Make one: aval audit export --since 7d --out ./week --purpose "weekly review"',
    head: ['TIME', 'ID', 'BY', 'STATE', 'ROWS', 'FORMAT', 'PURPOSE', 'UNTIL'],
    cells: (one) => [
      formatTime(context.terminal, one.created_at),
      one.id,
      shorten(one.created_by_name ?? '-', 24),
      one.state,
      one.state === 'done' ? String(one.rows_done) : `${one.rows_done} of ${one.rows_total ?? '?'}`,
      one.format + (one.bodies ? ', bodies' : ''),
      shorten(one.error ?? one.purpose, 40),
      formatTime(context.terminal, one.expires_at),
    ],
  })
}
