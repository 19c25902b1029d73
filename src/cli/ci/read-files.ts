/** Every file that a change may hold, read and checked here without a server: aval.yaml, prompts with their tests, models, suites. */

import { printable } from '../../lib/printable.ts'
import type { CliActions, SyncFile } from '../context.ts'
import type { SuiteFile } from '../evals.ts'
import { CliError, EXIT } from '../exit-codes.ts'

export type ChangeFiles = { files: readonly SyncFile[]; suites: readonly SuiteFile[] }

/**
 * `named` are the suites to read in place of all of evals/, where configs of promptfoo are passed over. Throws CliError with
 * every mistake of every file: exit 2, or 103 when suites alone have some, or there is no file at all: run in the wrong folder, a
 * check would pass.
 */
export async function readChangeFiles(
  { sync, evals }: Pick<CliActions, 'sync' | 'evals'>,
  named: readonly string[] | null,
): Promise<ChangeFiles> {
  const config = await sync.configProblems()
  const { files, problems } = await sync.files()
  const { suites, refused } = await readSuites(evals, named)
  const own = [...config, ...problems]
  const all = [...own, ...refused.map(({ message }) => message)]
  if (all.length === 0 && files.length === 0) {
    const message =
      'There is nothing to check here: no prompts/<name>.yaml and no model-versions/<name>.yaml.'
    throw new CliError(EXIT.emptyInput, `${message} Run it where they lie.`)
  }
  if (all.length === 0) return { files, suites }
  const codes = new Set(refused.map(({ exitCode }) => exitCode))
  const code = own.length > 0 || codes.has(EXIT.usage) ? EXIT.usage : EXIT.emptyInput
  throw new CliError(code, printable(all.join('\n')))
}

async function readSuites(
  evals: CliActions['evals'],
  named: readonly string[] | null,
): Promise<{ suites: SuiteFile[]; refused: CliError[] }> {
  const suites: SuiteFile[] = []
  const refused: CliError[] = []
  for (const path of named ?? (await evals.suites())) {
    try {
      if (named === null && (await evals.promptfoo(path, undefined)) !== null) continue
      suites.push(await evals.suite(path))
    } catch (error) {
      if (!(error instanceof CliError)) throw error
      refused.push(error)
    }
  }
  return { suites, refused }
}
