import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MessageReader } from '../../../bench/http-reader.ts'

const WIRE = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' +
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nwor\r\nl\r\n3;ext=1\r\nd!!\r\n0\r\n\r\n' +
    'HTTP/1.1 204 No Content\r\nx: y\r\n\r\n' +
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\ntrailer: 1\r\n\r\n' +
    'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
)

function read(pieces: Buffer[]): string[] {
  const messages: string[] = []
  let body = ''
  const reader = new MessageReader({
    head: (head) => {
      body = `${head.slice(9, 12)} `
    },
    body: (bytes) => {
      body += bytes.toString('latin1')
    },
    end: () => void messages.push(body),
  })
  for (const piece of pieces) reader.push(piece)
  return messages
}

test('messages read the same wherever the bytes are split', () => {
  const cuts = fc.uniqueArray(fc.nat(WIRE.length), { maxLength: 40 })
  fc.assert(
    fc.property(cuts, (at) => {
      const edges = [0, ...at.toSorted((left, right) => left - right), WIRE.length]
      const pieces = edges.slice(1).map((to, index) => WIRE.subarray(edges[index], to))

      expect(read(pieces)).toEqual(['200 hello', '200 wor\r\nld!!', '204 ', '200 ', '200 '])
    }),
  )
})

test('a chunk without a size is an error, not an endless body', () => {
  expect(() => read([Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n')])).toThrow(
    /chunk/,
  )
})
