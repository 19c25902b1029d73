/** Forms however they are cut, split and spoilt: the file arrives whole, or an error does, and nothing else happens. */

import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RequestError } from '../../../src/errors.ts'
import { type FormFile, readForm } from '../../../src/http/v1/multipart.ts'

const FILE = Buffer.from('First line\r\n--not the boundary\r\n\0\xff last line')
const EDGE = '--edge\r\ncontent-disposition: form-data; '
const FORM = Buffer.concat([
  Buffer.from(`${EDGE}name="purpose"\r\n\r\nassistants\r\n`),
  Buffer.from(`${EDGE}name="file"; filename="a.txt"\r\ncontent-type: text/markdown\r\n\r\n`),
  FILE,
  Buffer.from(`\r\n${EDGE}name="expires_after[seconds]"\r\n\r\n3600\r\n--edge--\r\n`),
])

function arriving(
  chunks: readonly Buffer[],
  more: { headers?: object; gone?: boolean } = {},
): IncomingMessage {
  const incoming = new Readable({ read: () => undefined })
  for (const chunk of chunks) incoming.push(chunk)
  if (more.gone === true) setImmediate(() => incoming.destroy(new Error('aborted')))
  else incoming.push(null)
  const headers = { 'content-type': 'multipart/form-data; boundary=edge', ...more.headers }
  return Object.assign(incoming, { headers, complete: more.gone !== true }) as unknown as IncomingMessage
}

const options = {
  field: 'file',
  maxFileBytes: 1_000,
  tooLarge: () => new RequestError('body_too_large', 'Too large.'),
}
async function collect({ bytes }: FormFile): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}
const read = (incoming: IncomingMessage) => readForm(incoming, options, collect)

function split(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [0, ...at.toSorted((a, b) => a - b), bytes.length]
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end))
}

test('a form split anywhere gives its file and its fields', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(FORM.length), { maxLength: 8 }), async (cuts) => {
      const form = await read(arriving(split(FORM, cuts)))

      expect(form.file).toEqual({ name: 'a.txt', mediaType: 'text/markdown', result: FILE })
      expect([...form.fields]).toEqual([
        ['purpose', 'assistants'],
        ['expires_after[seconds]', '3600'],
      ])
    }),
    { numRuns: 200 },
  )
})

test('a form that ends at any byte, or whose caller leaves there, never gives half a file', async () => {
  const begin = FORM.indexOf(FILE)
  const end = FORM.indexOf(`\r\n${EDGE}name="expires`)
  for (let at = 0; at < end; at += 1) {
    for (const gone of [false, true]) {
      const form = await read(arriving([FORM.subarray(0, at)], { gone })).catch((error: unknown) => error)

      if (at >= begin || gone) expect(form).toBeInstanceOf(RequestError)
      if (!(form instanceof Error)) expect((form as { file: unknown }).file).toBeNull()
    }
  }
})

test('a form with any bytes spoilt ends, with a form or with an error that says so', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(FORM.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(FORM.length), { maxLength: 3 }),
      async (spoilt, cuts) => {
        const bytes = Buffer.from(FORM)
        for (const [at, byte] of spoilt) bytes[at] = byte

        const form = await read(arriving(split(bytes, cuts))).catch((error: unknown) => error)

        if (form instanceof Error) expect(form).toBeInstanceOf(RequestError)
      },
    ),
    { numRuns: 500 },
  )
})

test('what whoever takes the file says is what the caller hears', async () => {
  const refuse = async () => {
    throw new RequestError('conflict', 'The project is full.')
  }

  await expect(readForm(arriving([FORM]), options, refuse)).rejects.toMatchObject({ code: 'conflict' })
  await expect(read(arriving([FORM], { headers: { 'content-length': '5000000' } }))).rejects.toMatchObject({
    code: 'body_too_large',
  })
  await expect(
    read(arriving([FORM], { headers: { 'content-type': 'application/json' } })),
  ).rejects.toMatchObject({ code: 'unsupported_media_type' })
  await expect(
    read(arriving([FORM], { headers: { 'content-type': 'multipart/form-data; charset=utf-8' } })),
  ).rejects.toMatchObject({ code: 'invalid_value' })
})

const letters = FORM.toString('latin1')
const another = `${EDGE}name="file"; filename="b"\r\n\r\nb\r\n`
test.each([
  ['with a file in a field of another name', letters.replace('name="file"', 'name="image"'), 'image'],
  ['with two files', another + letters, 'file'],
  ['with too many fields', `${EDGE}name="x"\r\n\r\n1\r\n`.repeat(30) + letters, 'file'],
  ['with a long field', letters.replace('assistants', 'a'.repeat(5_000)), 'purpose'],
])('a form %s is refused, and the field is named', async (_what, form, param) => {
  const refused = await read(arriving([Buffer.from(form, 'latin1')])).catch((error: unknown) => error)

  expect(refused).toMatchObject({ code: 'invalid_value', param })
})
