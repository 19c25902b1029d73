/** How much the long tests do: a little in every run, a lot in `npm run test:soak`. Both print their counts. */

const LONG = process.env.AVAL_SOAK === '1'

export function soakCount(short: number, long: number): number {
  return LONG ? long : short
}

/** One line on stdout, whatever the reporter does. */
export function printCount(line: string): void {
  process.stdout.write(`${line}\n`)
}
