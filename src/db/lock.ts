/**
 * The lock on a data folder: a process listens on a Unix socket inside it. A connection that is accepted means the
 * process lives, even when it is stopped or busy; a refused one means it is gone, however it died. Never a heartbeat:
 * a blocked event loop would look dead and a live lock would be stolen.
 */

import { randomBytes } from 'node:crypto'
import { mkdir, readdir, realpath, rename, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { shortPath } from './short-path.ts'

/** Another process holds the folder; `main` exits 3. */
export class AlreadyRunningError extends Error {
  override name = 'AlreadyRunningError'
  readonly folder: string
  readonly pid: number
  constructor(folder: string, pid: number) {
    super(`${folder} is in use by process ${pid}. Stop it, or choose another folder with AVAL_HOME.`)
    this.folder = folder
    this.pid = pid
  }
}

export type FolderLock = {
  /** Gives the folder free. Safe to call twice. A killed process needs no release. */
  release(): Promise<void>
}

type State = 'candidate' | 'holder'
/** `unknown`: alive, but stopped or too busy to say which. */
type Answer = State | 'unknown' | 'dead'
type Rival = { name: string; pid: number }

/** `lock.<pid>.<random>.sock`; the random part decides between candidates. No name is ever used twice. */
const NAME = /^lock\.(\d+)\.[0-9a-f]{16}\.sock$/
const ANSWER_TIMEOUT_MS = 500
/** How long a candidate waits for another to make up its mind, which takes milliseconds. */
const DECISION_TIMEOUT_MS = 400
const DECISION_POLL_MS = 10

/**
 * Takes the folder, which is created when missing, or throws AlreadyRunningError with the holder's pid within a second.
 * What killed processes left behind does not matter, and of several that start at once exactly one wins.
 *
 * Each process first listens under a name of its own and only then looks for others, so of any two at least the later
 * one sees the other. Whoever sees a holder gives up. Between two candidates the greater name gives up, and the lesser
 * waits to see whether the other has: it may have looked too early to see anybody and be the holder by now.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const real = await realpath(folder)
  const own = `lock.${process.pid}.${randomBytes(8).toString('hex')}.sock`
  const short = await shortPath(real, `${own}.new`)
  const state: { now: State } = { now: 'candidate' }
  try {
    const server = await listen(join(short.path, `${own}.new`), state)
    try {
      // A visible name always answers; one that is refused belongs to the dead and may be removed by anybody.
      await rename(join(real, `${own}.new`), join(real, own))
      for (const rival of await rivals(real, own)) await outlast(rival, own, real, short.path)
    } catch (error) {
      await release(server, join(real, own))
      throw error
    }
    state.now = 'holder'
    let releasing: Promise<void> | null = null
    return {
      release: () => {
        releasing ??= release(server, join(real, own))
        return releasing
      },
    }
  } finally {
    await short.remove()
  }
}

async function rivals(folder: string, own: string): Promise<Rival[]> {
  const found: Rival[] = []
  for (const name of await readdir(folder)) {
    const match = NAME.exec(name)
    if (match !== null && name !== own) found.push({ name, pid: Number(match[1]) })
  }
  return found
}

/** Returns when the rival is gone; throws when we have to give up. */
async function outlast(rival: Rival, own: string, folder: string, short: string): Promise<void> {
  const deadline = performance.now() + DECISION_TIMEOUT_MS
  do {
    const answer = await ask(join(short, rival.name))
    if (answer === 'dead') {
      await rm(join(folder, rival.name), { force: true })
      return
    }
    if (answer !== 'candidate' || priority(rival.name) < priority(own)) break
    await sleep(DECISION_POLL_MS)
  } while (performance.now() < deadline)
  throw new AlreadyRunningError(folder, rival.pid)
}

function priority(name: string): string {
  return name.split('.')[2] ?? ''
}

async function ask(path: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  let alive = false
  let text = ''
  const socket = connect(path)
  const timer = setTimeout(() => resolve('unknown'), ANSWER_TIMEOUT_MS)
  socket.setEncoding('utf8')
  socket.on('connect', () => {
    alive = true
  })
  socket.on('data', (part) => {
    text = `${text}${part}`.slice(0, 16)
    if (text.endsWith('\n')) resolve(text === 'holder\n' ? 'holder' : 'candidate')
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // EAGAIN: so many are asking that the queue of a stopped process is full. ENOENT: it gave up this moment.
    // Reset while it waited to be accepted: it gave up this moment, as a hang-up below says.
    if (alive && error.code === 'ECONNRESET') resolve('candidate')
    else if (alive || error.code === 'EAGAIN') resolve('unknown')
    else if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve('dead')
    else reject(error)
  })
  // It answered the call and hung up: it is stopping, and the next question will find it gone.
  socket.on('close', () => resolve('candidate'))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

async function listen(path: string, state: { now: State }): Promise<Server> {
  const server = createServer((socket) => {
    // Whoever asks may vanish before the answer; that is no concern of the holder.
    socket.on('error', () => socket.destroy())
    socket.end(`${state.now}\n`)
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(path, resolve)
  await promise
  server.off('error', reject)
  // Accepting may fail when the process is out of file descriptors; the listening socket, and so the lock, stays.
  server.on('error', () => undefined)
  // The lock alone keeps no process alive.
  server.unref()
  return server
}

/** The name first, while it still answers: a starter in between sees either a living process or nothing. */
async function release(server: Server, path: string): Promise<void> {
  await rm(path, { force: true })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  await promise
}
