/** The dataset that a suite brings with it. */

import type { CliContext } from '../../context.ts'
import type { SuiteFile } from '../../evals.ts'
import { pushDatasetFile } from '../datasets/push.ts'

/** A dataset that lies beside its suite is pushed first; the same items are the version that has them. */
export async function pushBeside(
  context: CliContext,
  { name, file }: SuiteFile['dataset'],
  quiet: boolean,
): Promise<void> {
  if (file === null) return
  const pushed = await pushDatasetFile(context, file, { name, json: true })
  if (quiet || !pushed.created) return
  context.terminal.writeError(`${pushed.name}@${pushed.version} made of ${file}\n`)
}
