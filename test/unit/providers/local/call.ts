/** Calls a provider as the gateway does and gathers what its sink hears, in order. */

import type { UpstreamError } from '../../../../src/errors.ts'
import type { JsonObject } from '../../../../src/lib/json.ts'
import type { Operation, Provider, ProviderHandle, Timeouts } from '../../../../src/providers/provider.ts'

export type Heard = { events: string[]; contentType: string; text: string; error: UpstreamError | null }
export type CallSettings = {
  stream?: boolean
  includeUsage?: boolean
  timeouts?: Partial<Timeouts>
  /** Runs after each chunk; with the handle a test aborts or pauses mid-answer. */
  onChunk?: (handle: ProviderHandle, heard: Heard) => void
}

const PATIENT: Timeouts = { connectMs: 60_000, firstByteMs: 60_000, idleMs: 60_000, totalMs: 60_000 }

export function start(
  provider: Provider,
  operation: Operation,
  model: string,
  parsed: JsonObject,
  settings: CallSettings = {},
) {
  const heard: Heard = { events: [], contentType: '', text: '', error: null }
  const { promise: ended, resolve } = Promise.withResolvers<Heard>()
  const handle: ProviderHandle = provider.call(
    {
      operation,
      model,
      parsed,
      body: Buffer.alloc(0),
      stream: settings.stream ?? false,
      includeUsage: settings.includeUsage ?? false,
      requestId: 'req_test',
      timeouts: { ...PATIENT, ...settings.timeouts },
    },
    {
      onHead({ contentType }) {
        heard.events.push('head')
        heard.contentType = contentType
      },
      onData(chunk) {
        heard.events.push('data')
        heard.text += chunk.toString('utf8')
        settings.onChunk?.(handle, heard)
      },
      onEnd() {
        heard.events.push('end')
        resolve(heard)
      },
      onError(error) {
        heard.events.push('error')
        heard.error = error
        resolve(heard)
      },
    },
  )
  return { handle, heard, ended }
}

export async function ask(
  provider: Provider,
  operation: Operation,
  model: string,
  parsed: JsonObject,
  settings?: CallSettings,
): Promise<Heard> {
  return await start(provider, operation, model, parsed, settings).ended
}

/** The objects of a streamed answer, without the final `[DONE]`. */
export function chunksOf(heard: Heard): Chunk[] {
  const lines = heard.text.split('\n\n').filter((line) => line !== '' && line !== 'data: [DONE]')
  return lines.map((line) => JSON.parse(line.slice('data: '.length)) as Chunk)
}

export type Chunk = {
  object: string
  choices: { delta: { role?: string; content?: string }; finish_reason: string | null }[]
  usage?: { total_tokens: number }
}
