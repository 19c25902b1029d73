/** `aval index search`: what a prompt would get for a question. */

import { type Command, InvalidArgumentError, Option } from 'commander'
import { printable, printableLine } from '../../../lib/printable.ts'
import { type CliContext, wholeNumber, withExamples, withJson, writeJson } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatDuration, shorten } from '../../format.ts'
import { colorsOf } from '../../terminal.ts'
import { versionPath } from './wire.ts'

type Chunk = {
  chunk: number
  document: { key: string; title: string | null; hash: string }
  heading: string | null
  text: string
  score: number
  cosine: number | null
  ranks: Record<string, number>
}
type Found = { index: string; chunks: Chunk[]; without: 'vectors' | 'words' | null; duration_ms: number }
type Options = {
  limit: number
  mode?: string
  perDocument?: number
  minScore?: number
  diversity?: number
  rerank?: string
  filter?: string[]
  json?: boolean
}

const SHOWN_LETTERS = 600

export function addIndexSearchCommand(index: Command, context: CliContext): void {
  withExamples(
    withJson(
      index
        .command('search')
        .argument('<index>', 'handbook@5, or handbook for its newest version')
        .argument('<question>')
        .description('the passages that a prompt would get; the search is on the log, its words are not')
        .option('--limit <count>', 'passages', wholeNumber, 6)
        .addOption(
          new Option('--mode <mode>', 'by words and vectors, or by one').choices([
            'hybrid',
            'vector',
            'text',
          ]),
        )
        .option('--per-document <count>', 'passages of one document at most', wholeNumber)
        .option('--min-score <cosine>', 'least likeness of vectors, -1 to 1', decimal)
        .option('--diversity <weight>', '1 is relevance alone, 0 variety alone', decimal)
        .option('--rerank <model>', 'upstream/model that reads question and passage together')
        .option(
          '--filter <name=value...>',
          'of the documents’ metadata; name:=value for a number, true or false',
        ),
    ),
    'aval index search handbook@5 "Can I return shoes?"',
    'aval index search handbook "late interest" --mode text --limit 3',
    'aval index search tickets "flickers" --filter team=north --json',
  ).action(
    context.run((ref: string, question: string, options: Options) => search(context, ref, question, options)),
  )
}

function decimal(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value)) return value
  throw new InvalidArgumentError('Write a number such as 0.5.')
}

async function search(
  context: CliContext,
  ref: string,
  question: string,
  options: Options,
): Promise<undefined> {
  const { limit, mode, perDocument, minScore, diversity, rerank, filter } = options
  const found = await context.client.json<Found>({
    method: 'POST',
    path: `${versionPath(ref)}/search`,
    body: {
      question,
      limit,
      mode,
      per_document: perDocument,
      min_score: minScore,
      diversity,
      rerank,
      ...(filter !== undefined && { filters: Object.fromEntries(filter.map(readFilter)) }),
    },
  })
  if (options.json) writeJson(context, found)
  else writeFound(context, found)
  return undefined
}

function readFilter(text: string): [string, unknown] {
  const [, name, typed, value = ''] = /^([^=:]+)(:?)=(.*)$/s.exec(text) ?? []
  if (name === undefined) throw new CliError(EXIT.usage, `"${text}" is not name=value. Write team=north.`)
  if (typed === '') return [name, value]
  try {
    return [name, JSON.parse(value)]
  } catch {
    throw new CliError(EXIT.usage, `"${text}": ${value} is not JSON. Write year:=2026 or open:=true.`)
  }
}

function writeFound({ terminal }: CliContext, { index, chunks, without, duration_ms: took }: Found): void {
  const { bold, dim } = colorsOf(terminal)
  for (const [at, { document, heading, text, score, cosine, ranks }] of chunks.entries()) {
    const name = document.title === null ? document.key : `${document.key} (${document.title})`
    const ranked = Object.entries(ranks).map(([list, rank]) => `${list} ${rank}`)
    const figures = [
      `score ${score.toFixed(3)}`,
      cosine === null ? null : `cosine ${cosine.toFixed(3)}`,
      ...ranked,
    ]
    terminal.write(
      `${bold(`[${at + 1}] ${printableLine(name)}`)}  ${dim(figures.filter((one) => one !== null).join('  '))}\n`,
    )
    if (heading !== null) terminal.write(`${dim(printableLine(heading))}\n`)
    terminal.write(`${shorten(printable(text).trim(), SHOWN_LETTERS)}\n\n`)
  }
  const missing = without === null ? '' : `, without ${without}: they failed or came too late`
  terminal.write(`${chunks.length} passages of ${index} in ${formatDuration(took)}${missing}\n`)
}
