/** The four timeouts of a call, as the file writes them and as the rest of the system reads them. */

export type TimeoutsConfig = { connectMs: number; firstByteMs: number; idleMs: number; totalMs: number }

type Written = {
  connect?: number | undefined
  first_byte?: number | undefined
  idle?: number | undefined
  total?: number | undefined
}

/** Only what was written, in milliseconds; the caller lays it over its defaults. */
export function readTimeouts(written: Written | undefined): Partial<TimeoutsConfig> {
  const given = {
    connectMs: written?.connect,
    firstByteMs: written?.first_byte,
    idleMs: written?.idle,
    totalMs: written?.total,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
