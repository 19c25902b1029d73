/** The program: gives the command line its settings and its process commands, and turns signals into one stop. */

import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { createActions } from './actions.ts'
import { EXIT } from './cli/exit-codes.ts'
import { runCli } from './cli/run.ts'
import type { Terminal } from './cli/terminal.ts'
import { clientEnvironment, processEnvironment } from './config.ts'
import { readClientFile } from './home.ts'
import { VERSION } from './version.ts'

const environment = processEnvironment()
const directory = process.cwd()
const stop = new AbortController()
const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true

const terminal: Terminal = {
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  interactive,
  colors: process.stdout.isTTY === true && (environment.NO_COLOR ?? '') === '',
  columns: process.stdout.columns ?? 100,
  progressStream: process.stderr,
  async ask(question, { hidden } = { hidden: false }) {
    if (hidden) process.stderr.write(`${question} `)
    const { stdin: input, stderr: output } = process
    const reader = createInterface(hidden ? { input, output: nowhere(), terminal: true } : { input, output })
    const ended = new Promise<null>((resolve) => reader.once('close', () => resolve(null)))
    const answer = await Promise.race([reader.question(`${question} `), ended])
    reader.close()
    if (hidden) process.stderr.write('\n')
    return answer
  },
  async confirm(question) {
    const reader = createInterface({ input: process.stdin, output: process.stderr })
    const answer = await reader.question(`${question} [y/N] `)
    reader.close()
    return /^y(es)?$/i.test(answer.trim())
  },
}

// Whoever read us has left (`| head`): what is still to say has no reader, and that is no crash.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}
// The first signal stops in order; a second one means now.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(EXIT.ours)
    stop.abort()
  })
}
// A worker started by `serve` has a channel to its parent and must not outlive it.
process.on('disconnect', () => stop.abort())
// The listener alone would keep a worker that has stopped from ending, until its parent kills it.
process.channel?.unref()

/** Echoes nothing of what is typed. */
function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}

const actions = createActions({
  environment,
  directory,
  terminal,
  stop,
  onReloadSignal: (reload) => void process.on('SIGHUP', reload),
})

const given = clientEnvironment(environment, directory)
const left = readClientFile(given.home)
const settings = {
  url: given.url ?? left?.url ?? 'http://127.0.0.1:8700',
  key: given.key?.reveal() ?? left?.key.reveal() ?? null,
}

process.exitCode = await runCli(
  { version: VERSION, settings, terminal, actions, nowMs: Date.now, stop: stop.signal },
  process.argv.slice(2),
)
