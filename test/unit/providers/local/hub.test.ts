import { access, mkdtemp, readdir, readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createLocalProvider } from '../../../../src/providers/local/local.ts'
import { ask } from './call.ts'

const shipped = join(import.meta.dirname, '../../../../models')
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A hub on loopback that offers the shipped model as `org/tiny`, and keeps a journal of what was asked. */
async function startHub(breakOff = false) {
  const journal: string[] = []
  const source = join(shipped, 'static-minilm')
  const files = [
    'config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'onnx/model_quantized.onnx',
    '../../evil',
  ]
  const server: Server = createServer(async (request, response) => {
    journal.push(request.url ?? '')
    if (request.url?.startsWith('/api/models/org/tiny')) {
      const siblings = files.map((rfilename) => ({ rfilename, size: 1_000_000 }))
      return response.end(JSON.stringify({ siblings }))
    }
    const path = request.url?.split('/resolve/main/')[1]
    if (path === undefined || !request.url?.startsWith('/org/tiny/')) return response.writeHead(404).end()
    if (breakOff && path.endsWith('.onnx')) {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('half')
      return setTimeout(() => response.destroy(), 20)
    }
    return response.end(await readFile(join(source, path)))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  closing.push(() => new Promise((resolve) => server.close(resolve)))
  const folder = await mkdtemp(join(tmpdir(), 'aval-hub-'))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, folder, journal }
}

function providerOf(hub: { url: string; folder: string }, enabled: boolean) {
  const provider = createLocalProvider({
    folders: [shipped],
    hub: { enabled, cacheFolder: hub.folder, url: hub.url },
  })
  closing.push(() => provider.close())
  return provider
}

test('a pulled model is listed, serves, and can be removed', async () => {
  const hub = await startHub()
  const provider = providerOf(hub, false)
  const percents: number[] = []

  const model = await provider.pullModel(
    'org/tiny',
    ({ percent }) => percents.push(percent),
    new AbortController().signal,
  )
  const heard = await ask(provider, 'embeddings', 'org/tiny', { input: 'hello' })

  expect(model).toMatchObject({ name: 'org/tiny', task: 'embedding', dimensions: 256 })
  expect(percents.at(-1)).toBe(100)
  expect(heard.error).toBeNull()
  expect(hub.journal.some((url) => url.includes('evil'))).toBe(false)
  expect((await provider.listLocalModels()).map(({ name }) => name)).toContain('org/tiny')
  await expect(access(await provider.removeModel('org/tiny'))).rejects.toThrow()
})

test('with the hub enabled a first call fetches the model once; without it nothing is asked', async () => {
  const hub = await startHub()

  const { error } = await ask(providerOf(hub, false), 'embeddings', 'org/tiny', { input: 'a' })
  const asked = hub.journal.length
  const open = providerOf(hub, true)
  const both = await Promise.all([1, 2].map(() => ask(open, 'embeddings', 'org/tiny', { input: 'a' })))

  expect(error).toMatchObject({ code: 'local_model_missing' })
  expect(asked).toBe(0)
  expect(both.map(({ error }) => error)).toEqual([null, null])
  expect(hub.journal.filter((url) => url.startsWith('/api/'))).toHaveLength(1)
})

test('a download that breaks off leaves nothing behind and says how to go on', async () => {
  const hub = await startHub(true)

  const pull = providerOf(hub, false).pullModel('org/tiny', () => undefined, new AbortController().signal)

  await expect(pull).rejects.toMatchObject({
    code: 'local_model_missing',
    message: expect.stringContaining('aval models pull org/tiny'),
  })
  expect(await readdir(hub.folder)).toEqual(['org'])
})

test('a hub out of reach is named with the folder to fill', async () => {
  const hub = { url: 'http://127.0.0.1:9', folder: await mkdtemp(join(tmpdir(), 'aval-hub-')) }

  const { error } = await ask(providerOf(hub, true), 'embeddings', 'org/tiny', { input: 'a' })

  expect(error?.message).toContain('out of reach')
  expect(error?.message).toContain(join(hub.folder, 'org/tiny'))
})
