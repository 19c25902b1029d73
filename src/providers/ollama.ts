/** Finds a running Ollama server. It speaks the openai dialect under `/v1`. */

import { request } from 'undici'

/** True when the server answers like Ollama within `timeoutMs`; any failure means "not there". */
export async function ollamaAnswers(baseUrl: string, timeoutMs: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const { statusCode, body } = await request(`${baseUrl}/api/version`, { signal })
    const answer: unknown = await body.json()
    return statusCode === 200 && typeof answer === 'object' && answer !== null && 'version' in answer
  } catch {
    // Absence is the common case and not an error: nobody asked for Ollama by name.
    return false
  }
}
