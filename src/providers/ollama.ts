/** Finds a running Ollama server. It speaks the openai dialect under `/v1`. */

import { fetchJson } from './fetch-json.ts'
import { createTransport } from './transport.ts'

/** True when the server answers like Ollama within `timeoutMs`; any failure means "not there". */
export async function ollamaAnswers(baseUrl: string, timeoutMs: number): Promise<boolean> {
  const timeouts = { connectMs: timeoutMs, firstByteMs: timeoutMs, idleMs: timeoutMs, totalMs: timeoutMs }
  const transport = createTransport('ollama', baseUrl, {
    maxConnections: 1,
    connectTimeoutMs: timeoutMs,
    key: null,
  })
  try {
    const request = { method: 'GET', path: '/api/version', headers: {}, body: null, timeouts } as const
    const answer = await fetchJson(transport, request, AbortSignal.timeout(timeoutMs))
    return typeof answer === 'object' && answer !== null && 'version' in answer
  } catch {
    // Absence is the common case and not an error: nobody asked for Ollama by name.
    return false
  } finally {
    // Nothing is under way any more, and nobody waits for the connection to end.
    void transport.close()
  }
}
