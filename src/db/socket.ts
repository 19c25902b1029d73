/**
 * Sockets that postgres.js cannot leave stuck. The driver holds a small write back for one turn of the loop; when the
 * connection closes in that turn it forgets the timer and keeps the bytes, and from then on sends nothing on that
 * place of its pool: every query there waits for CONNECT_TIMEOUT (github.com/porsager/postgres/pull/1209, 3.4.9).
 * Only a buffer of 1,024 bytes is sent without that timer, and sending it mends the driver.
 */

import { Socket, type SocketConnectOpts } from 'node:net'

/** Every message that may open a connection says its own length in its first four bytes. */
const LENGTH_BYTES = 4

/** The part of the driver's options that its `socket` function is given. */
type DriverOptions = { host: string[]; port: number[]; path: string | false; sslnegotiation: string | null }

/**
 * For the driver's option `socket`. The socket connects when the driver first writes. A driver that holds even that
 * write back is told of a closed connection at once and tries again, its buffer longer by one opening message, until
 * it sends the buffer; those bytes, of several messages, reach nobody, and the next try is a fresh one.
 */
export function openSocket(options: DriverOptions): Socket {
  const target = targetOf(options)
  // TLS from the first byte on: the driver writes nothing before the handshake.
  if (options.sslnegotiation === 'direct') return new Socket().connect(target)
  const socket = new WaitingSocket(target)
  // The driver's timer was set after the first of these turns was asked for, and before the second.
  setImmediate(() => setImmediate(() => socket.expectOpening()))
  return socket
}

/** The driver makes a list of the one host that a pool is given. */
function targetOf({ host, port, path }: DriverOptions): SocketConnectOpts {
  return path ? { path } : { host: host[0] ?? 'localhost', port: port[0] ?? 5432 }
}

class WaitingSocket extends Socket {
  readonly #target: SocketConnectOpts
  #opened = false
  /** The driver names the server in the TLS handshake by it. */
  readonly host: string | undefined

  constructor(target: SocketConnectOpts) {
    super()
    this.#target = target
    if ('host' in target) this.host = target.host
  }

  expectOpening(): void {
    if (!this.#opened) this.destroy()
  }

  override write(bytes: Uint8Array | string, ...rest: never[]): boolean {
    if (!this.#opened && !this.destroyed) {
      if (!isOneMessage(bytes)) {
        this.destroy()
        return false
      }
      this.#opened = true
      this.connect(this.#target)
    }
    return super.write(bytes, ...rest)
  }
}

function isOneMessage(bytes: Uint8Array | string): boolean {
  if (!Buffer.isBuffer(bytes) || bytes.length < LENGTH_BYTES) return false
  return bytes.readUInt32BE(0) === bytes.length
}
