/** What the eval commands do without a server: suites are read and checked, reports written, the commit looked up. */

import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { EvalActions, PromptfooFile, SuiteFile } from './cli/evals.ts'
import { CliError, EXIT } from './cli/exit-codes.ts'
import { isPromptfooConfig, readPromptfoo } from './evals/suites/promptfoo/read-config.ts'
import { readSuiteFile } from './evals/suites/suite.ts'
import { usdText } from './lib/money.ts'
import { parseYaml } from './lib/yaml.ts'
import { nameOfConfig, readerBeside } from './read-beside.ts'

const run = promisify(execFile)
const GIT_TIMEOUT_MS = 5_000
const MAX_SUITE_BYTES = 256 * 1024
/** Of a table of tests or a prompt that a config of promptfoo names. */
const MAX_BESIDE_BYTES = 8 * 1024 * 1024
const DATASET_ENDINGS = ['.jsonl', '.csv', '.yaml', '.yml', '.json']

/** `directory` is where relative paths begin. */
export function createEvalActions(directory: string): EvalActions {
  return {
    promptfoo: async (path, grader) => readConfig(resolve(directory, path), grader),
    suite: async (path) => readSuite(resolve(directory, path)),
    suites: async () => suitesOf(directory),
    lines: async (path) => textOf(resolve(directory, path), MAX_BESIDE_BYTES).split('\n'),
    commit: () => commitOf(directory),
    write: async (path, text) => {
      try {
        writeFileSync(resolve(directory, path), text)
      } catch (cause) {
        throw new CliError(EXIT.ours, `${path} cannot be written: ${messageOf(cause)}.`)
      }
    },
  }
}

function readSuite(path: string): SuiteFile {
  const ending = extname(path)
  if (ending !== '.yaml' && ending !== '.yml') {
    throw new CliError(EXIT.usage, `${path}: a suite is a file such as evals/support-answer.yaml.`)
  }
  const name = basename(path, ending)
  const text = textOf(path)
  const suite = readSuiteFile(name, text)
  if ('problems' in suite) throw new CliError(EXIT.emptyInput, suite.problems.join('\n'))
  const read = parseYaml(text, path)
  if ('problems' in read) throw new CliError(EXIT.emptyInput, read.problems.join('\n'))
  return {
    name,
    body: read.value as SuiteFile['body'],
    dataset: {
      ...suite.dataset,
      file: suite.dataset.version === null ? beside(path, suite.dataset.name) : null,
    },
    budgetUsd: suite.budget === null ? null : usdText(suite.budget),
  }
}

function suitesOf(directory: string): string[] {
  try {
    return readdirSync(join(directory, 'evals'), { withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.ya?ml$/i.test(entry.name))
      .map(({ name }) => `evals/${name}`)
      .toSorted()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new CliError(EXIT.usage, `evals cannot be read: ${messageOf(cause)}.`)
  }
}

/** Told by what it holds, as promptfoo takes any name. */
function readConfig(path: string, grader: string | undefined): PromptfooFile | null {
  if (!['.yaml', '.yml', '.json'].includes(extname(path))) return null
  const text = textOf(path)
  const read = parseYaml(text, path)
  if ('problems' in read || !isPromptfooConfig(read.value)) return null
  const name = nameOfConfig(path)
  const suite = readPromptfoo(text, { name, grader, readBeside: readerBeside(path, MAX_BESIDE_BYTES) })
  if ('problems' in suite) throw new CliError(EXIT.emptyInput, suite.problems.join('\n'))
  return suite
}

/** `evals/datasets/<name>.jsonl` for a suite in `evals`. */
function beside(path: string, name: string): string | null {
  const stem = join(dirname(path), 'datasets', name)
  return DATASET_ENDINGS.map((ending) => stem + ending).find((file) => existsSync(file)) ?? null
}

function textOf(path: string, maxBytes = MAX_SUITE_BYTES): string {
  try {
    if (statSync(path).size > maxBytes) {
      const remedy = maxBytes === MAX_SUITE_BYTES ? 'Items belong into a dataset.' : 'Cut it in two.'
      throw new CliError(EXIT.emptyInput, `${path}: larger than ${maxBytes} bytes. ${remedy}`)
    }
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof CliError) throw cause
    throw new CliError(EXIT.usage, `${path} cannot be read: ${messageOf(cause)}.`)
  }
}

async function commitOf(directory: string): Promise<string | null> {
  const options = { cwd: directory, timeout: GIT_TIMEOUT_MS }
  try {
    const { stdout: hash } = await run('git', ['rev-parse', 'HEAD'], options)
    const { stdout: changed } = await run('git', ['status', '--porcelain', '--untracked-files=no'], options)
    const commit = hash.trim()
    if (!/^[0-9a-f]{7,64}$/.test(commit)) return null
    return changed.trim() === '' ? commit : `${commit}-dirty`
  } catch {
    // No git, or no repository: the run simply names no commit.
    return null
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
