/** A small SMTP server for tests (RFC 5321): takes mails, refuses whom it is told to, or says nothing at all. */

import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export type SmtpServer = {
  port: number
  /** Whole mails as they came, without dot-stuffing. */
  mails: { to: string[]; text: string }[]
  /** Commands that clients sent, without what they signed in with. */
  commands: string[]
  close(): Promise<void>
}

type Manners = {
  /** The reply for a recipient; 250 otherwise. */
  recipient?: (address: string) => string | null
  /** Never says a word. */
  silent?: boolean
  /** Milliseconds until it answers who sends. */
  hesitateMs?: number
  /** What it says it can do, such as STARTTLS. */
  extensions?: readonly string[]
}

export async function startSmtpServer(manners: Manners = {}): Promise<SmtpServer> {
  const mails: SmtpServer['mails'] = []
  const commands: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    if (manners.silent !== true) converse(socket, manners, mails, commands)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    mails,
    commands,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function converse(socket: Socket, manners: Manners, mails: SmtpServer['mails'], commands: string[]): void {
  const say = (line: string) => socket.write(`${line}\r\n`)
  let to: string[] = []
  let body: string[] | null = null
  say('220 test ESMTP')
  createInterface({ input: socket }).on('line', (line) => {
    if (body !== null) {
      if (line !== '.') body.push(line.replace(/^\.\./, '.'))
      else {
        mails.push({ to, text: body.join('\n') })
        body = null
        to = []
        say('250 taken')
      }
      return
    }
    const verb = line.split(/[ :]/)[0]?.toUpperCase() ?? ''
    commands.push(verb)
    if (verb === 'EHLO') {
      const lines = ['test', ...(manners.extensions ?? [])]
      for (const [at, text] of lines.entries()) say(`250${at === lines.length - 1 ? ' ' : '-'}${text}`)
    } else if (verb === 'RCPT') {
      const address = /<(.*)>/.exec(line)?.[1] ?? ''
      const refusal = manners.recipient?.(address) ?? null
      if (refusal === null) to.push(address)
      say(refusal ?? '250 ok')
    } else if (verb === 'DATA') {
      body = []
      say('354 go on')
    } else if (verb === 'MAIL') setTimeout(() => say('250 ok'), manners.hesitateMs ?? 0)
    else if (verb === 'QUIT') socket.end('221 bye\r\n')
    else say('250 ok')
  })
}
