/** `aval model push|list|show`: versions of models, from files in `model-versions/`. Local weights are `aval models`. */

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Command } from 'commander'
import { parseYaml } from '../../lib/yaml.ts'
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
import { describeFigures, type EffectivePrice } from './price-figures.ts'

type ModelVersion = {
  id: string
  name: string
  version: number
  hash: string
  upstream: string
  model: string
  parameters: Record<string, unknown>
  context_window: number | null
  max_output_tokens: number | null
  capabilities: Record<string, boolean>
  licence: string | null
  notes: string | null
  /** Of one that a fine-tuning made. */
  training: Training | null
  created_by: string
  created_by_name: string | null
  created_at: string
}
type Training = {
  fine_tune: string
  base_model: string
  method: string
  hyperparameters: Record<string, string | number>
  data: { dataset: string; hash: string; items: number }
  job: string
}
type Pushed = ModelVersion & { created: boolean }
type PushOptions = { folder: string; json?: boolean }

const FOLDER = 'model-versions'
const FILE = /\.ya?ml$/
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/
/** What `/api` takes; a larger file is not a model version. */
const FILE_MAX_BYTES = 64 * 1024

export function addModelVersionCommands(program: Command, context: CliContext): void {
  const model = program.command('model').description('versions of models: push, list, show')
  withExamples(
    withJson(
      model
        .command('push')
        .argument('[name...]', 'files <name>.yaml of the folder, or paths of files (default: all of it)')
        .option('--folder <path>', 'where the files are', FOLDER)
        .description('add versions from files; a content that is there already stays as it is'),
    ),
    'aval model push',
    'aval model push gpt-4o-mini',
    `aval model push ${FOLDER}/gpt-4o-mini.yaml --json`,
  ).action(context.run((names: string[], options: PushOptions) => push(context, names, options)))
  withExamples(
    withPaging(
      model
        .command('list')
        .argument('[name]', 'all versions of this name, newest first')
        .description('models with their newest version'),
    ),
    'aval model list',
    'aval model list gpt-4o-mini --json',
  ).action(
    context.run((name: string | undefined, options: ListOptions) => list(context, name ?? null, options)),
  )
  withExamples(
    withJson(
      model
        .command('show')
        .argument('<name>', 'a name, or a version of it: name@3 (default: the newest)')
        .description('a version: what it sends, what is known of it, what it costs now'),
    ),
    'aval model show gpt-4o-mini',
    'aval model show gpt-4o-mini@3 --json',
  ).action(context.run((name: string, options: { json?: boolean }) => show(context, name, options)))
}

async function push(context: CliContext, names: string[], options: PushOptions): Promise<undefined> {
  const { folder } = options
  const paths = names.length === 0 ? filesOf(folder) : names.map((name) => pathOf(folder, name))
  // All are read before one is pushed, so that a slip in the last file is no half-done push.
  const files = paths.map((path) => ({ path, name: nameOf(path), content: readContent(path) }))
  const pushed: Pushed[] = []
  for (const { path, name, content } of files) {
    const version = await pushFile(context, path, { ...content, name })
    pushed.push(version)
    if (!options.json) {
      const what = version.created ? 'new' : 'there already'
      context.terminal.write(`${version.name}@${version.version}  ${what}  ${version.id}\n`)
    }
  }
  if (options.json) writeJson(context, { data: pushed })
  return undefined
}

async function pushFile(context: CliContext, path: string, body: object): Promise<Pushed> {
  try {
    return await context.client.json<Pushed>({ method: 'POST', path: '/api/model-versions', body })
  } catch (error) {
    if (error instanceof CliError) throw new CliError(error.exitCode, `${path}: ${error.message}`)
    throw error
  }
}

function filesOf(folder: string): string[] {
  const names = readOrExplain(folder, () => readdirSync(folder)).filter((name) => FILE.test(name))
  if (names.length > 0) return names.toSorted().map((name) => join(folder, name))
  throw new CliError(EXIT.emptyInput, `No files ${folder}/<name>.yaml. docs/prices.md shows one.`)
}

function pathOf(folder: string, name: string): string {
  return NAME.test(name) && !FILE.test(name) ? join(folder, `${name}.yaml`) : name
}

/** The name of a version is the name of its file. */
function nameOf(path: string): string {
  const name = basename(path).replace(FILE, '')
  if (NAME.test(name)) return name
  throw new CliError(
    EXIT.usage,
    `${path}: the file's name becomes the model's. Use lower-case letters, digits, ".", "_" and "-", at most 63.`,
  )
}

function readContent(path: string): Record<string, unknown> {
  const text = readOrExplain(path, () => {
    const file = statSync(path)
    if (!file.isFile() || file.size > FILE_MAX_BYTES) {
      throw new CliError(EXIT.emptyInput, `${path}: not a file of at most ${FILE_MAX_BYTES} bytes.`)
    }
    return readFileSync(path, 'utf8')
  })
  const read = parseYaml(text, path)
  if ('problems' in read) throw new CliError(EXIT.emptyInput, read.problems.join('\n'))
  const { value } = read
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CliError(EXIT.emptyInput, `${path}: write fields, such as "upstream: openai".`)
  }
  if ('name' in value) {
    throw new CliError(EXIT.emptyInput, `${path}: name: the file's name is the model's. Take the line out.`)
  }
  return value as Record<string, unknown>
}

function readOrExplain<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof CliError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw new CliError(
      EXIT.emptyInput,
      `${path}: cannot be read (${code}). Model versions are files ${FOLDER}/<name>.yaml.`,
    )
  }
}

async function list(context: CliContext, name: string | null, options: ListOptions): Promise<undefined> {
  const { limit, cursor } = options
  const page = await context.client.json<{ data: ModelVersion[]; next_cursor: string | null }>({
    method: 'GET',
    path: name === null ? '/api/model-versions' : `/api/model-versions/${encodeURIComponent(name)}`,
    query: { limit, cursor },
  })
  if (options.json) {
    writeJson(context, page)
  } else if (page.data.length === 0) {
    context.terminal.write(`No model versions yet. Write ${FOLDER}/<name>.yaml, then: aval model push\n`)
  } else {
    context.terminal.write(
      formatTable(
        ['NAME', 'MODEL', 'CONTEXT', 'CAPABILITIES', 'PUSHED', 'BY'],
        page.data.map((version) => [
          `${version.name}@${version.version}`,
          `${version.upstream}/${version.model}`,
          version.context_window === null ? '-' : String(version.context_window),
          shorten(capabilities(version, true) ?? '-', 40),
          formatTime(context.terminal, version.created_at),
          shorten(version.created_by_name ?? version.created_by, 30),
        ]),
      ),
    )
    writeNextPage(context, page.next_cursor)
  }
  return undefined
}

async function show(context: CliContext, wanted: string, options: { json?: boolean }): Promise<undefined> {
  const [, name = '', number = 'newest'] = /^(.*?)(?:@(\d+|newest))?$/.exec(wanted) ?? []
  const version = await context.client.json<ModelVersion>({
    method: 'GET',
    path: `/api/model-versions/${encodeURIComponent(name)}/versions/${number}`,
  })
  if (options.json) {
    writeJson(context, version)
    return undefined
  }
  const { upstream, model } = version
  const { effective } = await context.client.json<{ effective: EffectivePrice | null }>({
    method: 'GET',
    path: '/api/prices',
    query: { upstream, model, limit: '1' },
  })
  context.terminal.write(
    formatFields([
      ['version', `${version.name}@${version.version}`],
      ['id', version.id],
      ['hash', version.hash],
      ['model', `${upstream}/${model}`],
      ['parameters', JSON.stringify(version.parameters)],
      ['context window', known(version.context_window)],
      ['output tokens', known(version.max_output_tokens)],
      ['can', capabilities(version, true) ?? 'unknown'],
      ['cannot', capabilities(version, false)],
      ['licence', version.licence ?? 'unknown'],
      ['notes', version.notes],
      ['trained', version.training === null ? null : trainingText(version.training)],
      ['price', effective === null ? 'unknown; see: aval price set --help' : describeFigures(effective)],
      ['price from', effective?.source ?? null],
      ['pushed', formatTime(context.terminal, version.created_at)],
      ['by', version.created_by_name ?? version.created_by],
    ]),
  )
  return undefined
}

function trainingText({ base_model, method, hyperparameters, data, job, fine_tune }: Training): string {
  const settings = Object.entries(hyperparameters).map(([name, value]) => `, ${name} ${value}`)
  return `from ${base_model}, ${method}${settings.join('')}, on ${data.items} examples of ${data.dataset} (${data.hash}); ${fine_tune}, job ${job}`
}

function known(count: number | null): string {
  return count === null ? 'unknown' : String(count)
}

/** The capabilities that were stated as `stated`; null when none was. */
function capabilities({ capabilities: all }: ModelVersion, stated: boolean): string | null {
  const names = Object.keys(all).filter((name) => all[name] === stated)
  return names.length === 0 ? null : names.join(' ')
}
