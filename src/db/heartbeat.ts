/** Long work that says again and again that it is alive, so that nobody takes it over for dead. */

const BEAT_MS = 20_000

/**
 * Resolves and rejects with `work`. `beat` is called every twenty seconds, never while it runs; a beat that fails is
 * left out, because the work meets the same database and tells more.
 */
export async function whileBeating<Result>(
  beat: () => Promise<unknown>,
  work: () => Promise<Result>,
  everyMs = BEAT_MS,
): Promise<Result> {
  let beating: Promise<unknown> | null = null
  const timer = setInterval(() => {
    beating ??= beat()
      .catch(() => undefined)
      .finally(() => {
        beating = null
      })
  }, everyMs)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    await beating
  }
}
