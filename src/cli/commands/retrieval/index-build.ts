/** `aval index build`: says what a version takes, asks, has a worker build it, and shows how far it is. */

import { type Command, Option } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import {
  type CliContext,
  demandConsent,
  wholeNumber,
  withExamples,
  withJson,
  writeJson,
} from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatFields } from '../../format.ts'
import { type Look, type Progress, startProgress } from '../../progress.ts'
import { Rate, roughly } from '../../rate.ts'
import { waitUntil } from '../../wait.ts'
import { writeVersion } from './indexes.ts'
import { type IndexPlan, type IndexVersion, refOf, versionPath } from './wire.ts'

type Options = {
  source?: string
  embedding?: string
  chunker?: string
  maxTokens?: number
  overlap?: number
  halfvec?: boolean
  queryPrefix?: string
  documentPrefix?: string
  yes?: boolean
  json?: boolean
}
type Made = IndexVersion & { created: boolean }

const LOOK: Look = {
  bar: '{what}  {bar} {percentage} %  {value} of {total} {unit}  {rate}',
  line: ({ total, phase, words }, percent) =>
    total === null
      ? `${words?.what ?? phase}`
      : `${phase} ${percent ?? 0} %  of ${total} ${words?.unit}  ${words?.rate}`,
}

export function addIndexBuildCommand(index: Command, context: CliContext): void {
  withExamples(
    withJson(
      index
        .command('build')
        .argument('<name>', 'of the index; what aval.yaml declares under it need not be said again')
        .description('make the next version of an index: plan, price, question, and how far it is')
        .option('--source <name>', 'whose documents it holds')
        .option('--embedding <model>', 'upstream/model that embeds (default: local/embed)')
        .addOption(
          new Option('--chunker <kind>', 'where texts are cut (default: headings)').choices([
            'headings',
            'sentences',
            'tokens',
          ]),
        )
        .option('--max-tokens <count>', 'length of a chunk at most', wholeNumber)
        .option('--overlap <count>', 'tokens that a chunk repeats of the one before', countFromZero)
        .option('--halfvec', 'half the memory, a little less exact')
        .option('--query-prefix <text>', 'put before each question, as the model was trained')
        .option('--document-prefix <text>', 'put before each chunk')
        .option('--yes', 'do not ask'),
    ),
    'aval index build handbook --source handbook',
    'aval index build handbook --source handbook --chunker sentences --max-tokens 200 --yes',
    'aval index build handbook --json                # the plan alone; with --yes the version too',
  ).action(context.run((name: string, options: Options) => build(context, name, options)))
}

function countFromZero(text: string): number {
  return /^0+$/.test(text) ? 0 : wholeNumber(text)
}

async function build(context: CliContext, name: string, options: Options): Promise<undefined> {
  const { client, terminal } = context
  const body = await bodyOf(context, name, options)
  const plan = await client.json<IndexPlan>({ method: 'POST', path: '/api/indexes/plan', body })
  if (options.json && !options.yes) {
    writeJson(context, plan)
    return undefined
  }
  if (!options.json) writePlan(context, plan)
  await demandConsent(context, options.yes, `Build the next version of ${name}?`)
  const made = await client.json<Made>({ method: 'POST', path: '/api/indexes', body })
  const ref = refOf(made)
  const isThere = !made.created && made.state === 'ready'
  if (!options.json && isThere)
    terminal.write(`\n${ref} has this manifest already; there is nothing to build.\n`)
  const ended = isThere ? made : await waitFor(context, ref, options.json === true)
  if (options.json) writeJson(context, { ...ended, created: made.created })
  else if (!isThere) {
    terminal.write('\n')
    writeVersion(context, ended)
  }
  if (ended.state !== 'ready') {
    throw new CliError(EXIT.ours, `${ref} is ${ended.state}. ${printableLine(ended.error ?? '')}`)
  }
  if (!options.json) terminal.write(`\nTry it: aval index search ${ref} "…"\n`)
  return undefined
}

/** What aval.yaml says of the name, and over it what the command line says. */
async function bodyOf(context: CliContext, name: string, options: Options): Promise<Record<string, unknown>> {
  const {
    source,
    embedding,
    chunker: kind,
    maxTokens,
    overlap,
    halfvec,
    queryPrefix,
    documentPrefix,
  } = options
  const { indexes } = await context.actions.retrieval()
  const declared = indexes.find((index) => index.name === name)
  if (source === undefined && declared === undefined) {
    throw new CliError(
      EXIT.usage,
      `--source is missing, and aval.yaml declares no index "${name}". aval source list shows what there is.`,
    )
  }
  return {
    ...declared,
    name,
    ...(source !== undefined && { source }),
    ...(embedding !== undefined && { embedding }),
    chunker: {
      ...(declared?.chunker as object | undefined),
      ...(kind !== undefined && { kind }),
      ...(maxTokens !== undefined && { max_tokens: maxTokens }),
      ...(overlap !== undefined && { overlap_tokens: overlap }),
    },
    ...(halfvec === true && { storage: 'halfvec' }),
    ...(queryPrefix !== undefined && { query_prefix: queryPrefix }),
    ...(documentPrefix !== undefined && { document_prefix: documentPrefix }),
  }
}

function writePlan({ terminal }: CliContext, plan: IndexPlan): void {
  const { source, chunker, embedding } = plan.manifest
  terminal.write(
    formatFields([
      ['source', `${source.name}, ${plan.documents} documents, ${plan.characters} characters`],
      [
        'chunker',
        `${chunker.kind}, at most ${chunker.max_tokens} tokens, ${chunker.overlap_tokens} repeated`,
      ],
      ['model', `${embedding.model}, ${embedding.dimensions} dimensions, ${plan.manifest.storage}`],
      ['chunks', `about ${plan.chunks}, ${plan.tokens} tokens`],
      ['price', priceOf(plan)],
      ['time', plan.seconds === null ? 'unknown before a first build' : `about ${roughly(plan.seconds)}`],
    ]),
  )
}

function priceOf({ cost_usd: cost, manifest }: IndexPlan): string {
  if (cost !== null) return `about $${cost}`
  if (manifest.embedding.digest !== null) return 'nothing: the model runs here'
  return 'unknown; see: aval price set --help'
}

async function waitFor(context: CliContext, ref: string, quiet: boolean): Promise<IndexVersion> {
  const progress = startProgress(context.terminal, LOOK, quiet)
  const rate = new Rate(context.nowMs)
  try {
    return await waitUntil(context, {
      look: async () => {
        const now = await context.client.json<IndexVersion>({ method: 'GET', path: versionPath(ref) })
        showStep(progress, now, rate)
        return now
      },
      isOver,
      later: `aval index show ${ref}`,
    })
  } finally {
    progress.stop()
  }
}

function isOver({ state }: IndexVersion): boolean {
  return state === 'ready' || state === 'failed' || state === 'dropped'
}

const STEPS = {
  chunk: 'cutting',
  embed: 'embedding',
  index: 'indexing vectors',
  validate: 'looking at it',
} as const

function showStep(progress: Progress, now: IndexVersion, rate: Rate): void {
  if (isOver(now)) return
  const isMoving = now.state === 'building' && now.step !== null
  if (isMoving && now.step === 'chunk') {
    const words = { what: STEPS.chunk, unit: 'documents', rate: '' }
    progress.update({ done: now.documents_done, total: now.documents_total, phase: STEPS.chunk, words })
  } else if (isMoving && now.step === 'embed') {
    const words = {
      what: STEPS.embed,
      unit: 'chunks',
      rate: rate.text('embed', now.chunks_done, now.chunks_total),
    }
    progress.update({ done: now.chunks_done, total: now.chunks_total, phase: STEPS.embed, words })
  } else {
    const waiting = `waiting for a worker${now.error === null ? '' : `: ${printableLine(now.error)}`}`
    const what = isMoving && now.step !== null ? STEPS[now.step] : waiting
    progress.update({ done: 0, total: null, phase: what, words: { what, unit: '', rate: '' } })
  }
}
