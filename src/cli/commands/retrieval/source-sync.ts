/** `aval source sync`: has a worker read a source anew, and tells what came of it. */

import type { Command } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatTable } from '../../format.ts'
import type { Page } from '../../list.ts'
import { type Look, startProgress } from '../../progress.ts'
import { waitUntil } from '../../wait.ts'
import { bringDeclaredSource } from './declared.ts'
import { PROBLEM_HEAD, problemCells } from './sources.ts'
import { type Problem, type SourceSync, sourcePath } from './wire.ts'

type Options = { wait?: boolean; json?: boolean }

const SHOWN_PROBLEMS = 20
const LOOK: Look = {
  bar: '{state}  {bar} {percentage} %  {value} of {total} files  {counts}  eta {eta_formatted}',
  line: ({ total, phase, words }, percent) => {
    if (phase === 'queued') return 'waiting for a worker'
    return percent === null ? 'looking for files' : `${percent} %  of ${total} files  ${words?.counts ?? ''}`
  },
}

export function addSourceSyncCommand(source: Command, context: CliContext): void {
  withExamples(
    withJson(
      source
        .command('sync')
        .argument('<name>', 'of a source, also one that only aval.yaml has yet')
        .description('read a source anew: what is new, changed and gone')
        .option('--wait', 'show how far it is, and end with it'),
    ),
    'aval source sync handbook --wait',
    'aval source sync handbook && aval source show handbook',
  ).action(context.run((name: string, options: Options) => sync(context, name, options)))
}

async function sync(context: CliContext, name: string, { wait, json }: Options): Promise<undefined> {
  await bringDeclaredSource(context, name, json === true)
  const begun = await context.client.json<SourceSync>({ method: 'POST', path: `${sourcePath(name)}/sync` })
  if (wait !== true) {
    if (json) writeJson(context, begun)
    else context.terminal.write(`${begun.id} waits for a worker. How far it is: aval source show ${name}\n`)
    return undefined
  }
  const ended = await waitFor(context, name, begun.id, json === true)
  const query = { limit: String(SHOWN_PROBLEMS) }
  const problems = await context.client.json<Page<Problem>>({
    method: 'GET',
    path: `${sourcePath(name)}/problems`,
    query,
  })
  if (json) writeJson(context, { sync: ended, problems })
  else writeEnd(context, name, ended, problems)
  if (ended.state === 'failed') {
    throw new CliError(EXIT.ours, `Source ${name} could not be read. ${printableLine(ended.error ?? '')}`)
  }
  return undefined
}

async function waitFor(context: CliContext, name: string, id: string, quiet: boolean): Promise<SourceSync> {
  const progress = startProgress(context.terminal, LOOK, quiet)
  try {
    return await waitUntil(context, {
      look: async () => {
        const now = await context.client.json<SourceSync>({
          method: 'GET',
          path: `${sourcePath(name)}/syncs/${id}`,
        })
        const words = { state: now.state, counts: countsOf(now) }
        progress.update({ done: now.files_done, total: now.files_total, phase: now.state, words })
        return now
      },
      isOver: ({ state }) => state === 'done' || state === 'failed',
      later: `aval source show ${name}`,
    })
  } finally {
    progress.stop()
  }
}

function countsOf({ added, changed, removed, failed }: SourceSync): string {
  return `${added} new, ${changed} changed, ${removed} gone, ${failed} not read`
}

function writeEnd(context: CliContext, name: string, ended: SourceSync, problems: Page<Problem>): void {
  const { terminal } = context
  if (ended.state === 'done') terminal.write(`${name}  ${ended.files_done} files: ${countsOf(ended)}\n`)
  if (problems.data.length === 0) return
  terminal.write(`\n${formatTable(PROBLEM_HEAD, problems.data.map(problemCells))}`)
  if (problems.next_cursor !== null) {
    terminal.write(`\nMore: aval source problems ${name} --cursor ${printableLine(problems.next_cursor)}\n`)
  }
}
