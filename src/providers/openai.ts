/** The `openai` dialect: the client's bytes go out and the upstream's bytes come back, unchanged. */

import { UpstreamError } from '../errors.ts'
import { isJsonObject } from '../lib/json.ts'
import type { Secret } from '../lib/secret.ts'
import { fetchJson } from './fetch-json.ts'
import { createOpenAIBatches } from './openai-batches.ts'
import { createOpenAIFineTuning } from './openai-fine-tuning.ts'
import type { Operation, Provider, Timeouts, UpstreamModel } from './provider.ts'
import { withTrace } from './trace-header.ts'
import type { Transport } from './transport.ts'

export type OpenAIUpstream = {
  name: string
  key: Secret | null
  /** Name of the header that carries the key (`api-key` for Azure); null = `authorization: Bearer`. */
  keyHeader: string | null
  headers: Readonly<Record<string, string>>
  /** Added to every address, e.g. `api-version`. */
  query: Readonly<Record<string, string>>
  timeouts: Timeouts
}

const PATHS: Readonly<Record<Operation, string>> = {
  chat: '/chat/completions',
  completions: '/completions',
  embeddings: '/embeddings',
  responses: '/responses',
  moderations: '/moderations',
  rerank: '/rerank',
}

/** Speaks to any server with OpenAI's HTTP interface: OpenAI, vLLM, Ollama, llama.cpp, Azure. */
export function createOpenAIProvider(upstream: OpenAIUpstream, transport: Transport): Provider {
  const search = new URLSearchParams(upstream.query).toString()
  const suffix = search === '' ? '' : `?${search}`
  const headers = {
    'content-type': 'application/json',
    'accept-encoding': 'identity',
    ...authorization(upstream),
    ...upstream.headers,
  }
  return {
    dialect: 'openai',
    supports: () => true,
    call(call, sink) {
      const { body, timeouts, operation } = call
      const sent = withTrace(headers, call)
      call.onSend?.(body)
      return transport.start(
        { method: 'POST', path: PATHS[operation] + suffix, headers: sent, body, timeouts },
        sink,
      )
    },
    encode: ({ body }) => [body],
    batches: createOpenAIBatches({ ...upstream, headers }, transport),
    fineTuning: createOpenAIFineTuning({ ...upstream, headers }, transport),
    async listModels(signal) {
      const request = {
        method: 'GET',
        path: `/models${suffix}`,
        headers,
        body: null,
        timeouts: upstream.timeouts,
      } as const
      return readModels(upstream.name, await fetchJson(transport, request, signal))
    },
    close: () => transport.close(),
  }
}

function authorization(upstream: OpenAIUpstream): Record<string, string> {
  if (upstream.key === null) return {}
  if (upstream.keyHeader !== null) return { [upstream.keyHeader]: upstream.key.reveal() }
  return { authorization: `Bearer ${upstream.key.reveal()}` }
}

function readModels(name: string, body: unknown): UpstreamModel[] {
  const data = isJsonObject(body) ? body.data : null
  if (!Array.isArray(data)) {
    throw new UpstreamError('upstream_malformed', `Upstream "${name}" sent no list of models.`, {
      retryable: false,
    })
  }
  return data.filter(isJsonObject).flatMap((model) => {
    const { id, owned_by: ownedBy, created } = model
    if (typeof id !== 'string') return []
    return [
      {
        id,
        ownedBy: typeof ownedBy === 'string' ? ownedBy : name,
        created: typeof created === 'number' ? created : 0,
      },
    ]
  })
}
