/** What the command line of the benchmark may say, and its defaults. Never starts anything. */
import { parseArgs } from 'node:util'

export interface BenchOptions {
  rounds: number
  seconds: number
  only: 'both' | 'reference' | 'aval'
  /** A third target beside them. */
  against: 'portkey' | 'unlogged' | null
  json: boolean
  strict: boolean
  soakRequests: number
  /** A server on which a scratch database is made; undefined means the embedded one. */
  database: string | undefined
}

export const HELP = `Measures what Aval adds to a request, against a bare node:http + undici pass-through, in turns.

  npm run bench                      10 rounds, about 3 minutes
  npm run bench -- --quick           2 short rounds, to see that it works; its figures are rough
  npm run bench -- --json            one JSON object on stdout, progress on stderr
  npm run bench -- --soak 1000000    afterwards that many requests more, and the slope of the memory
  npm run bench -- --only reference  the machine's own budget, without Aval
  npm run bench -- --against portkey also Portkey's gateway, installed once into the user's cache folder
  npm run bench -- --against unlogged also Aval with a log that keeps nothing: what the log costs

  --rounds <n>      rounds; the order of the targets changes each round    (10)
  --seconds <s>     length of each throughput run; the others take half    (2)
  --only <which>    reference | aval | both                                (both)
  --against <name>  portkey | unlogged: a third target, in the same rounds
  --database <url>  a PostgreSQL server in place of the embedded database; (DATABASE_URL)
                    a database of the benchmark's own is made on it, and dropped
  --soak <n>        requests of the memory soak                            (0)
  --strict          exit 1 on a missed bar too
  --help

Exit 1: a request failed, or the log does not hold exactly the requests that were sent.`

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0)
    throw new Error(`--${name} wants a number above 0, not "${text}".`)
  return value
}

/** Throws with the remedy on unknown or wrong options; null asks for the help text. */
export function readOptions(argv: readonly string[], environment: NodeJS.ProcessEnv): BenchOptions | null {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string', default: 'both' },
      against: { type: 'string' },
      database: { type: 'string' },
      soak: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return null
  const { only } = values
  if (only !== 'both' && only !== 'reference' && only !== 'aval') {
    throw new Error(`--only wants reference, aval or both, not "${only}".`)
  }
  const { against } = values
  if (against !== undefined && against !== 'portkey' && against !== 'unlogged') {
    throw new Error(`--against wants portkey or unlogged, not "${against}".`)
  }
  if (against !== undefined && only === 'reference') {
    throw new Error('--against compares with Aval; leave out --only reference.')
  }
  return {
    rounds: positive('rounds', values.rounds ?? (values.quick ? '2' : '10')),
    seconds: positive('seconds', values.seconds ?? (values.quick ? '1' : '2')),
    only,
    against: against ?? null,
    json: values.json,
    strict: values.strict,
    soakRequests: values.soak === undefined ? 0 : positive('soak', values.soak),
    database: values.database ?? environment.DATABASE_URL,
  }
}
