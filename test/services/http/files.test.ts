/** Uploaded files as the official client drives them, over a listening server and a real database. */

import { connect as connectSocket } from 'node:net'
import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { describeDatabases } from '../../support/database.ts'
import { type StoreServer, startStoreServer } from '../../support/store-server.ts'

describeDatabases('files', (open) => {
  let server: StoreServer
  beforeAll(async () => {
    server = await startStoreServer(open())
  })
  afterAll(() => server.close())
  beforeEach(() => {
    server.events.length = 0
    server.bugs.length = 0
  })

  const connect = (project: 'default' | 'other' = 'default', role: 'app' | 'auditor' = 'app') =>
    new OpenAI({
      baseURL: `${server.url}/v1`,
      apiKey: server.keyOf(project, role).token,
      maxRetries: 0,
    })
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => null,
      (error: unknown) => error,
    )
  const text = (name: string, content: string | Buffer) => toFile(Buffer.from(content), name)
  const upload = async (client: OpenAI, name: string, content: string | Buffer) =>
    await client.files.create({ file: await text(name, content), purpose: 'assistants' })

  const SHOES = 'Shoes may be returned within thirty days, unworn and in their box.'

  test('are uploaded, listed, read back and deleted', async () => {
    const client = connect()
    const bytes = Buffer.alloc(3_500_000, 'A line of text. ')

    const made = await client.files.create({
      file: await toFile(bytes, 'Größe – 手册.txt'),
      purpose: 'user_data',
      expires_after: { anchor: 'created_at', seconds: 3600 },
    })
    const content = Buffer.from(await (await client.files.content(made.id)).arrayBuffer())
    const listed = await client.files.list({ purpose: 'user_data' })

    expect(made).toMatchObject({
      object: 'file',
      filename: 'Größe – 手册.txt',
      bytes: bytes.length,
      purpose: 'user_data',
      status: 'processed',
    })
    expect(made.id).toMatch(/^file-[0-9a-z]{26}$/)
    expect(made.expires_at).toBe(made.created_at + 3600)
    expect(content.equals(bytes)).toBe(true)
    expect(listed.data.map(({ id }) => id)).toEqual([made.id])
    expect(await client.files.retrieve(made.id)).toEqual(made)
    expect(await client.files.waitForProcessing(made.id)).toEqual(made)
    expect(await client.files.delete(made.id)).toEqual({ id: made.id, object: 'file', deleted: true })
    expect(await failure(client.files.retrieve(made.id))).toBeInstanceOf(OpenAI.NotFoundError)
    expect(await open().sql`SELECT 1 FROM file_parts WHERE file_id = ${made.id}`).toEqual([])
  })

  test('are paged through newest first or oldest first, and never beside those of another project', async () => {
    const client = connect()
    const ids = []
    for (const name of ['a.txt', 'b.txt', 'c.txt']) ids.push((await upload(client, name, name)).id)
    const other = await upload(connect('other'), 'other.txt', 'other')

    const seen = []
    for await (const { id } of client.files.list({ limit: 2 })) seen.push(id)
    const first = await client.files.list({ limit: 2, order: 'asc' })

    expect(seen).toEqual(ids.toReversed())
    expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    expect(first.has_more).toBe(true)
    for (const call of ['retrieve', 'content', 'delete'] as const) {
      expect(await failure(client.files[call](other.id))).toBeInstanceOf(OpenAI.NotFoundError)
    }
    await Promise.all([...ids.map((id) => client.files.delete(id)), connect('other').files.delete(other.id)])
  })

  test('leave nothing behind when they are refused: no purpose, another purpose, no file, too large in the middle', async () => {
    const client = connect()
    const file = await text('a.txt', 'A text.')
    const form = new FormData()
    form.set('purpose', 'assistants')
    const huge = new ReadableStream({
      start(controller) {
        const head = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        controller.enqueue(Buffer.from(head))
      },
      pull: (controller) => controller.enqueue(Buffer.alloc(4 * 1024 ** 2)),
    })

    const wrong = await failure(client.files.create({ file, purpose: 'holiday' as 'assistants' }))
    const missing = await send(form)
    const endless = await failure(
      fetch(`${server.url}/v1/files`, {
        method: 'POST',
        headers: { ...authorized(), 'content-type': 'multipart/form-data; boundary=x' },
        body: huge,
        duplex: 'half',
      } as RequestInit).then(async (answer) => {
        throw new Error(`${answer.status} ${await answer.text()}`)
      }),
    )
    const broken = await fetch(`${server.url}/v1/files`, {
      method: 'POST',
      headers: { ...authorized(), 'content-type': 'multipart/form-data; boundary=x' },
      body: '--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhalf a file',
    })
    const plain = await fetch(`${server.url}/v1/files`, {
      method: 'POST',
      headers: { ...authorized(), 'content-type': 'application/json' },
      body: '{}',
    })

    expect(wrong).toMatchObject({ status: 400, param: 'purpose' })
    expect(missing).toMatchObject({ status: 400, body: { error: { param: 'file' } } })
    expect(String(endless)).toMatch(/413|socket|closed|fetch failed/)
    expect(broken.status).toBe(400)
    expect(plain.status).toBe(415)
    expect(await open().sql`SELECT id FROM files`).toEqual([])
    expect(server.bugs).toEqual([])
  })

  test('of 500 MB are refused before they are read', async () => {
    const sent = { bytes: 0 }
    const body = new ReadableStream({
      pull: (controller) => {
        sent.bytes += 1024 ** 2
        controller.enqueue(Buffer.alloc(1024 ** 2))
      },
    })

    const answer = await announce(500 * 1024 ** 2, body)

    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toContain('body_too_large')
    expect(sent.bytes).toBeLessThan(500 * 1024 ** 2)
    expect(await open().sql`SELECT id FROM files`).toEqual([])
  })

  test('of a caller who leaves in the middle leave nothing behind', async () => {
    const leaving = new AbortController()
    let pulls = 0
    const body = new ReadableStream({
      start(controller) {
        const head = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        controller.enqueue(Buffer.from(head))
      },
      pull: async (controller) => {
        pulls += 1
        if (pulls > 3) leaving.abort()
        controller.enqueue(Buffer.alloc(1024 ** 2))
        await new Promise((resolve) => setTimeout(resolve, 20))
      },
    })

    const left = await failure(
      fetch(`${server.url}/v1/files`, {
        method: 'POST',
        headers: { ...authorized(), 'content-type': 'multipart/form-data; boundary=x' },
        body,
        duplex: 'half',
        signal: leaving.signal,
      } as RequestInit),
    )

    expect(left).not.toBeNull()
    await expect.poll(() => open().sql`SELECT id FROM files`, { timeout: 5_000 }).toEqual([])
    expect(server.bugs).toEqual([])
  })

  test('are for keys that may call models, and on the log without their names', async () => {
    const client = connect()
    const made = await upload(client, 'Dismissal of Jane Doe.txt', SHOES)
    await (await client.files.content(made.id)).text()
    await client.files.delete(made.id)

    const refused = await failure(connect('default', 'auditor').files.list())
    const stranger = await fetch(`${server.url}/v1/files`, { method: 'POST', body: 'x'.repeat(100_000) })

    expect(refused).toBeInstanceOf(OpenAI.PermissionDeniedError)
    expect(stranger.status).toBe(401)
    expect(server.events.map(({ kind, action, target }) => [kind, action, target])).toEqual([
      ['admin', 'file.upload', made.id],
      ['access', 'file.download', made.id],
      ['admin', 'file.delete', made.id],
    ])
    expect(server.events[0]?.detail).toMatchObject({ bytes: SHOES.length, purpose: 'assistants' })
    expect(JSON.stringify(server.events)).not.toContain('Jane')
  })

  const authorized = () => ({ authorization: `Bearer ${server.keyOf('default', 'app').token}` })
  async function send(form: FormData) {
    const answer = await fetch(`${server.url}/v1/files`, {
      method: 'POST',
      headers: authorized(),
      body: form,
    })
    return { status: answer.status, body: await answer.json() }
  }

  /** Announces a length, sends as long as the other side lets it, and gives what came back. */
  async function announce(length: number, body: ReadableStream<Buffer>): Promise<string> {
    const { hostname, port } = new URL(server.url)
    const socket = connectSocket(Number(port), hostname)
    let answer = ''
    socket.on('data', (bytes) => {
      answer += bytes
    })
    socket.on('error', () => undefined)
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.write(
      `POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: ${authorized().authorization}\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: ${length}\r\n\r\n`,
    )
    for await (const chunk of body) {
      if (socket.destroyed) break
      if (!socket.write(chunk))
        await Promise.race([new Promise((next) => socket.once('drain', next)), closed])
    }
    await closed
    return answer
  }
})
