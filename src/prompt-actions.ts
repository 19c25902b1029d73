/** The prompt commands that need no server: prompt files are read, checked, compared and rendered right here. */

import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import type { PromptActions } from './cli/context.ts'
import { CliError, EXIT } from './cli/exit-codes.ts'
import { RequestError } from './errors.ts'
import { importPrompts } from './import-actions.ts'
import type { JsonObject } from './lib/json.ts'
import { nearest } from './lib/nearest.ts'
import { runChecks } from './registry/prompts/checks.ts'
import { diffPrompts } from './registry/prompts/diff.ts'
import { contentOfPrompt, type PromptContext, parsePromptContent } from './registry/prompts/prompt-content.ts'
import {
  isPromptName,
  MAX_FILE_BYTES,
  PROMPT_NAME_RULE,
  type PromptFile,
  readPromptFile,
} from './registry/prompts/prompt-file.ts'
import { promptText } from './registry/prompts/prompt-text.ts'
import { type ChatMessage, compilePrompt } from './registry/prompts/render.ts'

const ENDING = '.yaml'

/** `directory` is where the folder `prompts` lies. */
export function createPromptActions(directory: string): PromptActions {
  const folder = join(directory, 'prompts')
  return {
    names: async (given) => givenNames(folder, given),
    read: async (name) => readText(folder, name),
    async check(name) {
      const file = readPromptFile(name, readText(folder, name))
      if ('problems' in file) return { name, problems: file.problems, tests: [] }
      return { name, problems: [], tests: runChecks(compilePrompt(file.content), file.tests) }
    },
    content: async (name) => JSON.parse(contentOfPrompt(flawless(folder, name).content).text),
    text: async (content) => promptText(parsePromptContent(JSON.stringify(content))),
    diff: async (from, to) =>
      diffPrompts(parsePromptContent(JSON.stringify(from)), parsePromptContent(JSON.stringify(to))),
    render: async (name, { variables, contexts, messages }) =>
      told(() =>
        compilePrompt(flawless(folder, name).content).render(variables as JsonObject, {
          contexts: contexts as PromptContext[],
          messages: messages as ChatMessage[],
        }),
      ),
    importFrom: async (format, path, options) =>
      importPrompts(folder, format, resolve(directory, path), options),
  }
}

/** What the registry refuses is the caller's mistake here too. */
function told<Result>(body: () => Result): Result {
  try {
    return body()
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    throw new CliError(EXIT.usage, error.message)
  }
}

function flawless(folder: string, name: string): PromptFile {
  const file = readPromptFile(name, readText(folder, name))
  if ('problems' in file) throw new CliError(EXIT.emptyInput, file.problems.join('\n'))
  return file
}

/** Sorted, and every given one is there: a mistyped name says which is meant. */
function givenNames(folder: string, given: readonly string[]): string[] {
  const names = fileNames(folder)
  for (const name of given) {
    if (names.includes(name)) continue
    const meant = nearest(name, names)
    const hint = meant === null ? `Write ${name.slice(0, 80)}${ENDING} first.` : `Did you mean "${meant}"?`
    throw new CliError(EXIT.usage, `${folder} has no prompt "${name.slice(0, 80)}". ${hint}`)
  }
  return given.length > 0 ? [...new Set(given)] : names
}

/** Throws CliError for a file whose name no prompt can have: left out silently, it would be thought of as checked. */
function fileNames(folder: string): string[] {
  let entries: string[]
  try {
    entries = readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw unreadable(folder, error)
  }
  const files = entries.filter((entry) => /\.ya?ml$/i.test(entry)).toSorted()
  return files.map((file) => {
    const name = file.endsWith(ENDING) ? file.slice(0, -ENDING.length) : ''
    if (isPromptName(name)) return name
    const message = `${join(folder, file)}: not a name of a prompt. Write ${PROMPT_NAME_RULE}, and ${ENDING}.`
    throw new CliError(EXIT.emptyInput, message)
  })
}

function readText(folder: string, name: string): string {
  if (!isPromptName(name)) {
    throw new CliError(
      EXIT.usage,
      `"${name.slice(0, 80)}" is not a name of a prompt. Write ${PROMPT_NAME_RULE}.`,
    )
  }
  const path = join(folder, `${name}${ENDING}`)
  try {
    if (!realpathSync(path).startsWith(realpathSync(folder) + sep)) {
      throw new CliError(EXIT.emptyInput, `${path}: a link that leads out of the folder. Put the file there.`)
    }
    if (statSync(path).size > MAX_FILE_BYTES) {
      throw new CliError(EXIT.emptyInput, `${path}: larger than ${MAX_FILE_BYTES} bytes.`)
    }
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw error instanceof CliError ? error : unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): CliError {
  const code = (error as NodeJS.ErrnoException).code ?? 'error'
  return new CliError(EXIT.usage, `${path}: cannot be read (${code}).`)
}
