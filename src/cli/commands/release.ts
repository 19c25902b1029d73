/** `aval release create|list|show|diff`: which prompt, models and parameters a route may serve together. */

import type { Command } from 'commander'
import {
  type CliContext,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
  writeNextPage,
} from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { formatFields, formatTable, formatTime, shorten } from '../format.ts'
import { colorsOf } from '../terminal.ts'

type Release = {
  id: string
  route: string
  release: string
  hash: string
  prompt: string | null
  index: string | null
  retrieval: Record<string, unknown> | null
  targets: { model: string; weight: number | null }[]
  parameters: Record<string, unknown>
  retries: number
  content: string
  labels: string[]
  created_by: string
  created_by_name: string | null
  created_at: string
}
type CreateOptions = {
  prompt?: string | false
  index?: string | false
  search?: string[]
  model?: string[]
  from?: string
  parameter?: string[]
  retries?: string
  json?: boolean
}

export function addReleaseCommands(program: Command, context: CliContext): void {
  const release = program.command('release').description('make and compare the releases of a route')
  withExamples(
    withJson(
      release
        .command('create')
        .argument('<route>', 'the name that apps send as model: support-answer')
        .description('make a release: what production serves, with what you name changed')
        .option('--prompt <version>', 'support-answer@14, or a name alone for its newest version')
        .option('--no-prompt', 'pass the messages of callers through')
        .option('--index <version>', 'handbook@5, or a name alone for its newest version')
        .option('--no-index', 'search nothing')
        .option('--search <name=json...>', 'how the index is searched: limit=8 per_document=2 mode=hybrid')
        .option(
          '--model <version...>',
          'in order of preference: gpt-4o-mini@3; with weights: gpt-4o-mini@3=90',
        )
        .option('--from <release>', 'begin with this one: r12 (default: what production serves)')
        .option('--parameter <name=json...>', 'what the release decides whatever callers send: temperature=0')
        .option('--retries <count>', 'further attempts after every model was tried once'),
    ),
    'aval release create support-answer --prompt support-answer --model gpt-4o-mini',
    'aval release create support-answer --prompt support-answer@15',
    'aval release create support-answer --model gpt-4o-mini@3=90 --model haiku@1=10',
    'aval release create support-answer --index handbook@5 --search limit=8 min_score=0.2',
  ).action(context.run((route: string, options: CreateOptions) => create(context, route, options)))

  withExamples(
    withPaging(
      release
        .command('list')
        .argument('[route]', 'of this route only')
        .description('releases, newest first, with the labels that point to them'),
    ),
    'aval release list support-answer',
  ).action(context.run((route: string | undefined, options: ListOptions) => list(context, route, options)))

  withExamples(
    withJson(
      release
        .command('show')
        .argument('<release>', 'support-answer@r12')
        .description('everything a release pins, with hashes'),
    ),
    'aval release show support-answer@r12',
  ).action(context.run((text: string, options: { json?: boolean }) => show(context, text, options)))

  withExamples(
    withJson(
      release
        .command('diff')
        .argument('<from>', 'support-answer@r12')
        .argument('<to>', 'r13, of the same route')
        .description('what differs between two releases'),
    ),
    'aval release diff support-answer@r12 r13',
  ).action(
    context.run((from: string, to: string, options: { json?: boolean }) => diff(context, from, to, options)),
  )
}

async function create(context: CliContext, route: string, options: CreateOptions): Promise<undefined> {
  const made = await context.client.json<Release>({
    method: 'POST',
    path: '/api/releases',
    body: {
      route,
      ...(options.from !== undefined && { from: options.from }),
      ...(options.prompt === false && { prompt: 'none' }),
      ...(typeof options.prompt === 'string' && { prompt: options.prompt }),
      ...(options.index === false && { index: 'none' }),
      ...(typeof options.index === 'string' && { index: options.index }),
      ...(options.search !== undefined && { retrieval: Object.fromEntries(options.search.map(pair)) }),
      ...(options.model !== undefined && { models: options.model.map(weighted) }),
      ...(options.parameter !== undefined && { parameters: Object.fromEntries(options.parameter.map(pair)) }),
      ...(options.retries !== undefined && { retries: Number(options.retries) }),
    },
  })
  if (options.json) {
    writeJson(context, made)
    return undefined
  }
  writeRelease(context, made)
  const { bold } = colorsOf(context.terminal)
  const serve = bold(`aval promote ${route} ${made.release} --to production`)
  context.terminal.write(`\nCall it as ${route}@${made.release}. To serve it: ${serve}\n`)
  return undefined
}

/** `gpt-4o-mini@3=90` is a version and its weight. */
function weighted(text: string): { model: string; weight: number | null } {
  const [model = '', weight] = text.split('=')
  if (weight === undefined) return { model, weight: null }
  if (/^[1-9]\d{0,4}$/.test(weight)) return { model, weight: Number(weight) }
  throw new CliError(EXIT.usage, `The weight in "${text}" is no whole number from 1. Write ${model}=90.`)
}

function pair(text: string): [string, unknown] {
  const at = text.indexOf('=')
  const name = text.slice(0, at)
  try {
    if (at > 0) return [name, JSON.parse(text.slice(at + 1))]
  } catch {
    // Said below, with the remedy.
  }
  throw new CliError(EXIT.usage, `"${text}" is not name=json. Write temperature=0 or stop='["\\n"]'.`)
}

async function list(
  context: CliContext,
  route: string | undefined,
  options: ListOptions,
): Promise<undefined> {
  const { limit, cursor } = options
  const page = await context.client.json<{ data: Release[]; next_cursor: string | null }>({
    method: 'GET',
    path: '/api/releases',
    query: { route, limit, cursor },
  })
  if (options.json) {
    writeJson(context, page)
  } else if (page.data.length === 0) {
    const name = route ?? '<route>'
    context.terminal.write(
      `No releases yet. Make one: aval release create ${name} --prompt <name> --model <name>\n`,
    )
  } else {
    context.terminal.write(
      formatTable(
        ['RELEASE', 'PROMPT', 'MODELS', 'LABELS', 'MADE', 'BY'],
        page.data.map((one) => [
          `${one.route}@${one.release}`,
          one.prompt ?? 'none',
          shorten(one.targets.map(targetText).join(' '), 40),
          one.labels.join(' '),
          formatTime(context.terminal, one.created_at),
          shorten(one.created_by_name ?? one.created_by, 20),
        ]),
      ),
    )
    writeNextPage(context, page.next_cursor)
  }
  return undefined
}

async function show(context: CliContext, text: string, options: { json?: boolean }): Promise<undefined> {
  const { route, release } = namedRelease(text)
  const found = await fetchRelease(context, route, release)
  if (options.json) writeJson(context, found)
  else writeRelease(context, found)
  return undefined
}

async function diff(
  context: CliContext,
  fromText: string,
  toText: string,
  options: { json?: boolean },
): Promise<undefined> {
  const { route, release } = namedRelease(fromText)
  const to = toText.includes('@') ? namedRelease(toText) : { route, release: toText }
  if (to.route !== route) {
    throw new CliError(EXIT.usage, `${fromText} and ${toText} are of two routes. Compare releases of one.`)
  }
  const [before, after] = [
    await fetchRelease(context, route, release),
    await fetchRelease(context, route, to.release),
  ]
  const changes = differences(before, after)
  if (options.json) {
    writeJson(context, { from: before.release, to: after.release, changes })
  } else if (changes.length === 0) {
    context.terminal.write('They are the same.\n')
  } else {
    const { green, red } = colorsOf(context.terminal)
    for (const { what, from, to: now } of changes) {
      context.terminal.write(`${what}\n  ${red(`- ${from}`)}\n  ${green(`+ ${now}`)}\n`)
    }
    if (before.prompt !== after.prompt && before.prompt !== null && after.prompt !== null) {
      context.terminal.write(`\nThe prompts in words: aval prompt diff ${promptName(after.prompt)}\n`)
    }
  }
  return undefined
}

function promptName(ref: string): string {
  return ref.split('@')[0] ?? ref
}

function differences(before: Release, after: Release): { what: string; from: string; to: string }[] {
  const of = (one: Release): [string, string][] => [
    ['prompt', one.prompt ?? 'none'],
    ['index', one.index ?? 'none'],
    ['search', JSON.stringify(one.retrieval)],
    ['models', one.targets.map(targetText).join(' ')],
    ['parameters', JSON.stringify(one.parameters)],
    ['retries', String(one.retries)],
  ]
  const now = new Map(of(after))
  return of(before)
    .map(([what, from]) => ({ what, from, to: now.get(what) ?? '' }))
    .filter(({ from, to }) => from !== to)
}

/** `support-answer@r12`. Throws CliError for anything else. */
export function namedRelease(text: string): { route: string; release: string } {
  const match = /^([a-z0-9-]+)@(r\d+)$/.exec(text)
  if (match === null) {
    throw new CliError(EXIT.usage, `"${shorten(text, 60)}" names no release. Write support-answer@r12.`)
  }
  return { route: match[1] ?? '', release: match[2] ?? '' }
}

function fetchRelease(context: CliContext, route: string, release: string): Promise<Release> {
  const path = `/api/releases/${encodeURIComponent(route)}/${encodeURIComponent(release)}`
  return context.client.json<Release>({ method: 'GET', path })
}

function targetText({ model, weight }: Release['targets'][number]): string {
  return weight === null ? model : `${model}=${weight}`
}

function writeRelease(context: CliContext, one: Release): void {
  const content = JSON.parse(one.content) as {
    prompt: { hash: string } | null
    index?: { version: { hash: string }; question: string | null }
    targets: { model: { hash: string } }[]
  }
  context.terminal.write(
    formatFields([
      ['release', `${one.route}@${one.release}`],
      ['id', one.id],
      ['hash', one.hash],
      ['prompt', one.prompt === null ? 'none' : `${one.prompt}  ${content.prompt?.hash ?? ''}`],
      ...indexFields(one, content.index),
      ...one.targets.map((target, index): [string, string] => [
        index === 0 ? 'models' : '',
        `${targetText(target)}  ${content.targets[index]?.model.hash ?? ''}`,
      ]),
      ['parameters', JSON.stringify(one.parameters)],
      ['retries', String(one.retries)],
      ['labels', one.labels.length === 0 ? 'none' : one.labels.join(', ')],
      ['made', `${formatTime(context.terminal, one.created_at)} by ${one.created_by_name ?? one.created_by}`],
    ]),
  )
}

function indexFields(
  one: Release,
  index: { version: { hash: string }; question: string | null } | undefined,
): [string, string][] {
  if (one.index === null || index === undefined) return [['index', 'none']]
  return [
    ['index', `${one.index}  ${index.version.hash}`],
    ['question', index.question ?? "the caller's last message"],
    ['search', JSON.stringify(one.retrieval)],
  ]
}
