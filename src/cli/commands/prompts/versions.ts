/** `aval prompt list|history|show|render`: the versions of prompts that a server keeps. */

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { printable, printableLine } from '../../../lib/printable.ts'
import {
  type CliContext,
  type ListOptions,
  type RenderInput,
  withExamples,
  withJson,
  withPaging,
  writeJson,
  writeNextPage,
} from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatFields, formatTable, formatTime, shorten } from '../../format.ts'
import { colorsOf } from '../../terminal.ts'

export type PromptSummary = {
  id: string
  name: string
  version: number
  hash: string
  description: string | null
  owner: string | null
  created_at: string
  created_by: string
  created_by_name: string | null
}
type PromptVersion = PromptSummary & { content: object }
type Page = { data: PromptSummary[]; next_cursor: string | null }
type RenderOptions = {
  var?: string[]
  vars?: string
  contexts?: string
  messages?: string
  file?: boolean
  json?: boolean
}
type Message = { role: string; content?: unknown }

export function addPromptVersionCommands(prompt: Command, context: CliContext): void {
  withExamples(
    withPaging(prompt.command('list').description('prompts of your project, each with its newest version')),
    'aval prompt list',
    'aval prompt list --json',
  ).action(context.run((options: ListOptions) => list(context, options)))
  withExamples(
    withPaging(
      prompt.command('history').argument('<name>').description('versions of a prompt, newest first'),
    ),
    'aval prompt history support-answer',
  ).action(context.run((name: string, options: ListOptions) => history(context, name, options)))
  withExamples(
    withJson(
      prompt
        .command('show')
        .argument('<name>', 'a name for the newest version, or name@version')
        .description('a version: who, when, and its whole content'),
    ),
    'aval prompt show support-answer',
    'aval prompt show support-answer@14',
  ).action(context.run((name: string, options: { json?: boolean }) => show(context, name, options)))
  withExamples(
    withJson(
      prompt
        .command('render')
        .argument('<name>', 'a name for the newest version, or name@version')
        .description('the messages that a model would get')
        .option('--var <name=value...>', 'a variable; name:=value for JSON')
        .option('--vars <file>', 'variables as a JSON object')
        .option('--contexts <file>', 'passages as a JSON list of {number, text}')
        .option('--messages <file>', "the caller's own messages as a JSON list")
        .option('--file', 'render prompts/<name>.yaml instead; needs no server'),
    ),
    'aval prompt render support-answer --var question="Can I return shoes?"',
    'aval prompt render support-answer@14 --vars question.json --contexts found.json',
    'aval prompt render support-answer --file --var question=hello --json',
  ).action(context.run((name: string, options: RenderOptions) => render(context, name, options)))
}

/** `support-answer` or `support-answer@14`. Throws CliError. */
export function readReference(text: string): { name: string; version: number | null } {
  const [, name = '', version] = /^([a-z0-9][a-z0-9-]{0,62})(?:@([1-9]\d{0,8}))?$/.exec(text) ?? []
  if (name !== '') return { name, version: version === undefined ? null : Number(version) }
  throw new CliError(
    EXIT.usage,
    `"${text.slice(0, 80)}" names no prompt. Write support-answer or support-answer@14.`,
  )
}

export async function fetchVersion(
  context: CliContext,
  name: string,
  version: number | 'newest',
): Promise<PromptVersion> {
  return await context.client.json<PromptVersion>({
    method: 'GET',
    path: `/api/prompts/${name}/versions/${version}`,
  })
}

async function list(context: CliContext, { limit, cursor, json }: ListOptions): Promise<undefined> {
  const page = await context.client.json<Page>({
    method: 'GET',
    path: '/api/prompts',
    query: { limit, cursor },
  })
  if (json) {
    writeJson(context, page)
  } else if (page.data.length === 0) {
    context.terminal.write('No prompts yet. Push the files of prompts/: aval prompt push\n')
  } else {
    const cells = page.data.map((row) => [
      `${row.name}@${row.version}`,
      row.owner ?? '-',
      formatTime(context.terminal, row.created_at),
      row.created_by_name ?? row.created_by,
      shorten(row.description ?? '-', 60),
    ])
    context.terminal.write(formatTable(['PROMPT', 'OWNER', 'PUSHED', 'BY', 'DESCRIPTION'], cells))
    writeNextPage(context, page.next_cursor)
  }
  return undefined
}

async function history(
  context: CliContext,
  reference: string,
  { limit, cursor, json }: ListOptions,
): Promise<undefined> {
  const { name } = readReference(reference)
  const page = await context.client.json<Page>({
    method: 'GET',
    path: `/api/prompts/${name}`,
    query: { limit, cursor },
  })
  if (json) {
    writeJson(context, page)
    return undefined
  }
  const cells = page.data.map((row) => [
    `${row.name}@${row.version}`,
    formatTime(context.terminal, row.created_at),
    row.created_by_name ?? row.created_by,
    row.hash.slice(0, 12),
  ])
  context.terminal.write(formatTable(['PROMPT', 'PUSHED', 'BY', 'HASH'], cells))
  writeNextPage(context, page.next_cursor)
  return undefined
}

async function show(context: CliContext, reference: string, options: { json?: boolean }): Promise<undefined> {
  const { name, version } = readReference(reference)
  const shown = await fetchVersion(context, name, version ?? 'newest')
  if (options.json) {
    writeJson(context, shown)
    return undefined
  }
  context.terminal.write(
    formatFields([
      ['prompt', `${shown.name}@${shown.version}`],
      ['id', shown.id],
      ['hash', shown.hash],
      ['pushed', formatTime(context.terminal, shown.created_at)],
      ['by', shown.created_by_name ?? shown.created_by],
    ]),
  )
  context.terminal.write(`\n${printable(await context.actions.prompts.text(shown.content))}`)
  return undefined
}

async function render(context: CliContext, reference: string, options: RenderOptions): Promise<undefined> {
  const { name, version } = readReference(reference)
  const input = readInput(options)
  if (options.file && version !== null) {
    throw new CliError(
      EXIT.usage,
      `--file renders prompts/${name}.yaml, which has no versions. Leave @${version} out.`,
    )
  }
  const rendered = options.file
    ? { name, messages: (await context.actions.prompts.render(name, input)) as Message[] }
    : await context.client.json<{ messages: Message[] }>({
        method: 'POST',
        path: `/api/prompts/${name}/versions/${version ?? 'newest'}/render`,
        body: input,
      })
  if (options.json) writeJson(context, rendered)
  else for (const message of rendered.messages) writeMessage(context, message)
  return undefined
}

function writeMessage({ terminal }: CliContext, { role, content }: Message): void {
  const text = typeof content === 'string' ? content : JSON.stringify(content ?? null, null, 2)
  terminal.write(`${colorsOf(terminal).bold(printableLine(role))}\n${printable(text).trimEnd()}\n\n`)
}

function readInput(options: RenderOptions): RenderInput {
  const fromFile = readJson('--vars', options.vars, {})
  if (typeof fromFile !== 'object' || fromFile === null || Array.isArray(fromFile)) {
    throw new CliError(EXIT.usage, `--vars ${options.vars}: not a JSON object of variables.`)
  }
  const own = Object.fromEntries((options.var ?? []).map(readVariable))
  return {
    variables: { ...fromFile, ...own },
    contexts: readList('--contexts', options.contexts),
    messages: readMessages(options.messages),
  }
}

/** `name=text`, or `name:=JSON`. */
function readVariable(text: string): [string, unknown] {
  const [, name, sign, value = ''] = /^([A-Za-z_][\w-]*)(:?=)(.*)$/s.exec(text) ?? []
  if (name === undefined) {
    throw new CliError(EXIT.usage, `--var ${text.slice(0, 80)}: write name=value, or name:=JSON.`)
  }
  return [name, sign === '=' ? value : parseJson(`--var ${name}`, value)]
}

function readList(option: string, path: string | undefined): unknown[] {
  const value = readJson(option, path, [])
  if (Array.isArray(value)) return value
  throw new CliError(EXIT.usage, `${option} ${path}: not a JSON list.`)
}

function readMessages(path: string | undefined): unknown[] {
  const messages = readList('--messages', path)
  const wrong = messages.findIndex((one) => typeof (one as Message | null)?.role !== 'string')
  if (wrong < 0) return messages
  throw new CliError(
    EXIT.usage,
    `--messages ${path}: item ${wrong + 1} is no message. Write {"role": …, "content": …}.`,
  )
}

function readJson(option: string, path: string | undefined, absent: unknown): unknown {
  if (path === undefined) return absent
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw new CliError(EXIT.usage, `${option} ${path}: cannot be read (${code}).`)
  }
  return parseJson(`${option} ${path}`, text)
}

function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new CliError(EXIT.usage, `${what}: not valid JSON.`)
  }
}
