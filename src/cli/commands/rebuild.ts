/** `aval requests show <id> --rebuild`: the exact bytes that went upstream, made again and compared by digest. */

import { printable } from '../../lib/printable.ts'
import type { CliContext } from '../context.ts'
import { writeJson } from '../context.ts'
import { formatFields } from '../format.ts'

type Rebuilt = {
  id: string
  attempt: number
  upstream: string
  model: string
  state: 'equal' | 'differs' | 'not_rebuilt'
  reason: string | null
  sent_digest: string | null
  rebuilt_digest: string | null
  body: string | null
}

export type RebuildOptions = { json?: boolean; purpose?: string; attempt?: number }

const VERDICTS = { equal: 'digest equal', differs: 'digest differs', not_rebuilt: 'not rebuilt' } as const

export async function showRebuilt(
  context: CliContext,
  id: string,
  { json, purpose, attempt }: RebuildOptions,
): Promise<undefined> {
  const rebuilt = await context.client.json<Rebuilt>({
    method: 'GET',
    path: `/api/requests/${encodeURIComponent(id)}/rebuild`,
    query: { purpose, attempt: attempt === undefined ? undefined : String(attempt) },
  })
  if (json) {
    writeJson(context, rebuilt)
    return undefined
  }
  const { state, reason } = rebuilt
  context.terminal.write(
    formatFields([
      ['request', rebuilt.id],
      ['attempt', `${rebuilt.attempt}, to ${rebuilt.upstream}/${rebuilt.model}`],
      ['sent', rebuilt.sent_digest],
      ['rebuilt', rebuilt.rebuilt_digest],
      ['verdict', reason === null ? VERDICTS[state] : `${VERDICTS[state]}. ${reason}`],
    ]),
  )
  if (rebuilt.body !== null) context.terminal.write(`\n${printable(rebuilt.body)}\n`)
  return undefined
}
