/** What a caller is told who is refused. */

import { RequestError } from '../../src/errors.ts'

export async function refusal(attempt: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await attempt.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof RequestError)) throw new Error(`Not refused: ${String(error)}`)
  return { code: error.code, message: error.message }
}
