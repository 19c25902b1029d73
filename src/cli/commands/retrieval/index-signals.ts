/** `aval index signals`: how an index does in use, by the log: how near its passages are, how often there is none. */

import { type Command, InvalidArgumentError } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatDuration, formatFields, formatTable, formatTime } from '../../format.ts'
import { withPurpose, withTimes } from '../../request-filters.ts'
import { colorsOf } from '../../terminal.ts'

type Part = { count: number; share: number | null }
type Quantiles = { p5: number; p25: number; p50: number; p75: number; p95: number } | null
type Signals = {
  index: string
  searched: number
  unsearched: number
  empty: Part
  without_vectors: Part
  without_words: Part
  below: (Part & { min_score: number }) | null
  best_cosine: Quantiles
  first_score: Quantiles
  duration_ms: Quantiles
  source: {
    name: string
    documents: number
    snapshot_at: string
    snapshot_age_seconds: number
    synced_at: string | null
  } | null
}
type Options = { since: string; until?: string; minScore?: number; purpose?: string; json?: boolean }

export function addIndexSignalsCommand(index: Command, context: CliContext): void {
  withExamples(
    withJson(
      withPurpose(
        withTimes(
          index
            .command('signals')
            .argument('<name>', 'of the index; its versions stand apart')
            .description('how near the passages of logged requests were, and how often there was none')
            .option('--min-score <cosine>', 'also the share of searches whose best lies below', cosine),
          (since) => since.default('7d'),
        ),
      ),
    ),
    'aval index signals handbook',
    'aval index signals handbook --since 30d --min-score 0.3',
    'aval index signals handbook --since 1d --json',
  ).action(context.run((name: string, options: Options) => signals(context, name, options)))
}

function cosine(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= -1 && value <= 1) return value
  throw new InvalidArgumentError('Write a cosine from -1 to 1, such as 0.3.')
}

async function signals(context: CliContext, name: string, options: Options): Promise<undefined> {
  const { since, until, minScore, purpose } = options
  const found = await context.client.json<{ data: Signals[] }>({
    method: 'GET',
    path: `/api/indexes/${nameOf(name)}/signals`,
    query: { since, until, min_score: minScore === undefined ? undefined : String(minScore), purpose },
  })
  if (options.json) {
    writeJson(context, found)
    return undefined
  }
  if (found.data.length === 0) {
    context.terminal.write(
      `No logged request pinned ${name} in this time. Look further back with --since 30d, or serve it: aval release create --help\n`,
    )
  }
  for (const one of found.data) writeSignals(context, one)
  return undefined
}

/** A version is no name: its signals stand among the others. */
function nameOf(text: string): string {
  if (/^[a-z0-9-]{1,63}$/.test(text)) return text
  const shown = printableLine(text.slice(0, 80))
  throw new CliError(EXIT.usage, `"${shown}" is no name of an index. Write handbook, without a version.`)
}

function writeSignals({ terminal }: CliContext, one: Signals): void {
  const { source, below } = one
  const unsearched = one.unsearched === 0 ? '' : `; ${one.unsearched} requests ended before`
  terminal.write(`${colorsOf(terminal).bold(printableLine(one.index))}\n`)
  terminal.write(
    formatFields([
      ['searched', `${one.searched} times${unsearched}`],
      ['no passage', partText(one.empty)],
      [`below ${below?.min_score ?? ''}`, below === null ? null : partText(below)],
      ['without vectors', partText(one.without_vectors)],
      ['without words', partText(one.without_words)],
      [
        'source',
        source === null
          ? 'deleted'
          : `${source.name}, ${source.documents} documents as they stood ${ageText(source.snapshot_age_seconds)} ago, at ${formatTime(terminal, source.snapshot_at)}; last read ${formatTime(terminal, source.synced_at)}`,
      ],
    ]),
  )
  const row = (name: string, points: Quantiles, text: (value: number) => string) =>
    points === null ? [] : [[name, ...[points.p5, points.p25, points.p50, points.p75, points.p95].map(text)]]
  const rows = [
    ...row('best cosine', one.best_cosine, (value) => value.toFixed(3)),
    ...row('first score', one.first_score, (value) => value.toFixed(4)),
    ...row('search took', one.duration_ms, formatDuration),
  ]
  if (rows.length > 0) terminal.write(`\n${formatTable(['', 'P5', 'P25', 'P50', 'P75', 'P95'], rows)}`)
  terminal.write('\n')
}

function partText({ count, share }: Part): string {
  return share === null ? '-' : `${count} (${(share * 100).toFixed(1)} %)`
}

const DAY_SECONDS = 86_400
const HOUR_SECONDS = 3_600

function ageText(seconds: number): string {
  if (seconds >= 2 * DAY_SECONDS) return `${Math.floor(seconds / DAY_SECONDS)} days`
  if (seconds >= 2 * HOUR_SECONDS) return `${Math.floor(seconds / HOUR_SECONDS)} hours`
  return formatDuration(seconds * 1000)
}
