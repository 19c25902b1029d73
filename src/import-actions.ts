/** `aval import`: reads another product's file, converts it and writes prompt files, over nothing that is there. */

import { lstatSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ImportFormat, ImportOptions, ImportResult } from './cli/context.ts'
import { CliError, EXIT } from './cli/exit-codes.ts'
import { nameOfConfig, readBounded, readerBeside, unreadable } from './read-beside.ts'
import type { Imported, ImportedPrompt } from './registry/prompts/imports/draft.ts'
import { importLangfuseExport } from './registry/prompts/imports/langfuse-export.ts'
import { importOpenaiEvals } from './registry/prompts/imports/openai-evals.ts'
import { importPromptfoo } from './registry/prompts/imports/promptfoo.ts'
import { contentOfPrompt } from './registry/prompts/prompt-content.ts'
import { MAX_FILE_BYTES, readPromptFile } from './registry/prompts/prompt-file.ts'

/** A config is written by hand; an export or a data set is not. */
const MAX_BYTES: Readonly<Record<ImportFormat, number>> = {
  promptfoo: 1024 * 1024,
  'langfuse-export': 32 * 1024 * 1024,
  'openai-evals': 32 * 1024 * 1024,
}

type Status = ImportResult['prompts'][number]['status']

/** `folder` is where prompt files lie, `path` absolute. Throws CliError for a file that is not of the format. */
export function importPrompts(
  folder: string,
  format: ImportFormat,
  path: string,
  { force, dryRun }: ImportOptions,
): ImportResult {
  const { prompts, leftOut } = convert(format, path)
  const planned = prompts.map((prompt) => ({ prompt, status: statusOf(folder, prompt, force) }))
  const written = !dryRun && planned.every(({ status }) => status !== 'refused')
  if (written) for (const { prompt, status } of planned) write(folder, prompt, status)
  return {
    prompts: planned.map(({ prompt: { name, source }, status }) => ({
      name,
      path: `prompts/${name}.yaml`,
      source,
      status,
    })),
    leftOut,
    written,
  }
}

function convert(format: ImportFormat, path: string): Imported {
  const text = readBounded(path, MAX_BYTES[format])
  if ('why' in text) throw new CliError(EXIT.usage, `${path}: ${text.why}`)
  const name = nameOfConfig(path)
  const made =
    format === 'promptfoo'
      ? importPromptfoo(text.text, { name, readBeside: readerBeside(path, MAX_FILE_BYTES) })
      : format === 'langfuse-export'
        ? importLangfuseExport(text.text, { name })
        : importOpenaiEvals(text.text, { name })
  if ('problems' in made) throw new CliError(EXIT.emptyInput, made.problems.join('\n'))
  return made
}

/** A file with the same content stays as it is, with the tests and remarks that somebody added. */
function statusOf(folder: string, { name, text }: ImportedPrompt, force: boolean): Status {
  const path = join(folder, `${name}.yaml`)
  let isFile: boolean
  try {
    isFile = lstatSync(path).isFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'new'
    throw new CliError(EXIT.usage, `${path}: ${unreadable(error)}`)
  }
  // A link may lead anywhere, and a folder is nothing to replace.
  if (!isFile) return 'refused'
  const there = readBounded(path, MAX_FILE_BYTES)
  if ('text' in there && hashOf(name, there.text) === hashOf(name, text)) return 'unchanged'
  return force ? 'replaced' : 'refused'
}

/** Null for a file with mistakes. */
function hashOf(name: string, text: string): string | null {
  const file = readPromptFile(name, text)
  return 'problems' in file ? null : contentOfPrompt(file.content).hash
}

function write(folder: string, { name, text }: ImportedPrompt, status: Status): void {
  if (status === 'unchanged') return
  const path = join(folder, `${name}.yaml`)
  try {
    mkdirSync(folder, { recursive: true })
    if (status === 'new') {
      writeFileSync(path, text, { flag: 'wx' })
      return
    }
    const beside = `${path}.${process.pid}.new`
    writeFileSync(beside, text, { flag: 'wx' })
    renameSync(beside, path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw new CliError(EXIT.ours, `${path}: cannot be written (${code}). Files before it were.`)
  }
}
