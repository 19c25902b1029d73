/** The files that `aval sync` compares with the registry: all of them read and checked here, without a server. */

import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { SyncActions, SyncFiles } from './cli/context.ts'
import type { Environment } from './config/environment.ts'
import { configFileProblems } from './config.ts'
import { modelContentOf } from './registry/models/model-content.ts'
import {
  isModelName,
  MAX_MODEL_FILE_BYTES,
  MODEL_NAME_RULE,
  readModelFile,
} from './registry/models/model-file.ts'
import { describeFailure, runChecks } from './registry/prompts/checks.ts'
import { contentOfPrompt } from './registry/prompts/prompt-content.ts'
import {
  isPromptName,
  MAX_FILE_BYTES,
  PROMPT_NAME_RULE,
  readPromptFile,
} from './registry/prompts/prompt-file.ts'
import { compilePrompt } from './registry/prompts/render.ts'

type Read = { hash: string; body: Readonly<Record<string, unknown>> } | { problems: readonly string[] }
type Kind = {
  kind: 'prompt' | 'model'
  folder: string
  maxBytes: number
  /** `.yml` beside `.yaml` where `aval model push` takes it too. */
  ending: RegExp
  isName: (name: string) => boolean
  nameRule: string
  read: (name: string, where: string, text: string) => Read
}

const KINDS: readonly Kind[] = [
  {
    kind: 'prompt',
    folder: 'prompts',
    maxBytes: MAX_FILE_BYTES,
    ending: /\.yaml$/,
    isName: isPromptName,
    nameRule: `${PROMPT_NAME_RULE}, and .yaml`,
    read: (name, _where, text) => readPrompt(name, text),
  },
  {
    kind: 'model',
    folder: 'model-versions',
    maxBytes: MAX_MODEL_FILE_BYTES,
    ending: /\.ya?ml$/,
    isName: isModelName,
    nameRule: `${MODEL_NAME_RULE}, and .yaml`,
    read: readModel,
  },
]

/** `directory` is where the folders `prompts` and `model-versions` lie, and aval.yaml unless the environment says where. */
export function createSyncActions(directory: string, environment: Environment = {}): SyncActions {
  return {
    files: async () => readFiles(directory),
    configProblems: async () => configFileProblems(environment, directory),
  }
}

function readFiles(directory: string): SyncFiles {
  const files: SyncFiles['files'][number][] = []
  const problems: string[] = []
  for (const kind of KINDS) {
    const seen = new Set<string>()
    for (const entry of entriesOf(join(directory, kind.folder), problems)) {
      const where = `${kind.folder}/${entry}`
      const name = entry.replace(kind.ending, '')
      if (name === entry || !kind.isName(name)) {
        problems.push(`${where}: the file's name becomes the ${kind.kind}'s. Write ${kind.nameRule}.`)
        continue
      }
      if (seen.has(name)) problems.push(`${where}: another file has this name already. Keep one.`)
      seen.add(name)
      const text = readText(join(directory, kind.folder), entry, kind.maxBytes)
      const read = 'why' in text ? { problems: [`${where}: ${text.why}`] } : kind.read(name, where, text.text)
      if ('problems' in read) problems.push(...read.problems)
      else files.push({ kind: kind.kind, name, path: where, ...read })
    }
  }
  return { files, problems }
}

function readPrompt(name: string, text: string): Read {
  const file = readPromptFile(name, text)
  if ('problems' in file) return file
  const failed = runChecks(compilePrompt(file.content), file.tests).filter(({ passed }) => !passed)
  if (failed.length > 0) return { problems: failed.map((result) => describeFailure(name, result)) }
  return { hash: contentOfPrompt(file.content).hash, body: { name, content: text } }
}

function readModel(name: string, where: string, text: string): Read {
  const file = readModelFile(where, text)
  if ('problems' in file) return file
  return { hash: modelContentOf(file.content).hash, body: { ...file.content, name } }
}

/** Files that look like YAML, sorted; a folder that is not there has none. */
function entriesOf(folder: string, problems: string[]): string[] {
  try {
    return readdirSync(folder)
      .filter((entry) => /\.ya?ml$/i.test(entry))
      .toSorted()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') problems.push(`${folder}: cannot be read (${code ?? 'error'}).`)
    return []
  }
}

function readText(folder: string, entry: string, maxBytes: number): { text: string } | { why: string } {
  const path = join(folder, entry)
  try {
    if (!realpathSync(path).startsWith(realpathSync(folder) + sep)) {
      return { why: 'a link that leads out of the folder. Put the file there.' }
    }
    const file = statSync(path)
    if (!file.isFile() || file.size > maxBytes) return { why: `not a file of at most ${maxBytes} bytes.` }
    return { text: readFileSync(path, 'utf8') }
  } catch (error) {
    return { why: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).` }
  }
}
