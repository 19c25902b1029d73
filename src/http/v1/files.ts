/** /v1/files: uploads, lists, hands out and deletes files, in the shapes of OpenAI's clients. */

import type { IncomingMessage } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { RequestError } from '../../errors.ts'
import type { VirtualKey } from '../../keys/key.ts'
import { MAX_FILE_BYTES } from '../../retrieval/documents/limits.ts'
import {
  type FilePurpose,
  fileTooLarge,
  getFile,
  giveUpFile,
  keepFile,
  PURPOSES,
  type Received,
  readFileBytes,
  receiveFile,
} from '../../retrieval/files/files.ts'
import { type FileRow, listFiles } from '../../retrieval/files/store.ts'
import { deleteFile } from '../../retrieval/stores/change.ts'
import { actorOf } from '../actor.ts'
import { refuseInvalid } from '../api/validation.ts'
import type { ApiEnv } from '../auth.ts'
import { readQuery } from './json-body.ts'
import { readForm } from './multipart.ts'
import { fileListQuery, toList } from './openai-list.ts'
import { DEFAULT_EMBEDDING, demandModel } from './store-access.ts'
import type { StoresDeps } from './stores-deps.ts'

type FilesEnv = ApiEnv & { Bindings: HttpBindings }

const BATCH_SECONDS = 30 * 86_400
const purposes = `Write one of ${PURPOSES.join(', ')}.`
const uploadFields = z.object({
  purpose: z.enum(PURPOSES, { error: ({ input }) => (input === undefined ? undefined : purposes) }),
  'expires_after[anchor]': z.literal('created_at', { error: 'Write created_at.' }).optional(),
  'expires_after[seconds]': z.coerce
    .number({ error: 'Write seconds from 3600 to 2592000.' })
    .int()
    .min(3600)
    .max(2_592_000)
    .optional(),
})

/** Routes below `/v1` and at the top level; authentication, roles and limits have already run. */
export function files(deps: StoresDeps) {
  const app = new Hono<FilesEnv>({ strict: false })
  app.use(async (c, next) => {
    demandModel(c.var.key, DEFAULT_EMBEDDING)
    await next()
  })
  app.post('/', async (c) => c.json(toFile(await upload(deps, c))))
  app.get('/', async (c) => {
    const { purpose = null, after = null, order, limit } = readQuery(c, fileListQuery)
    const page = { purpose, order, after, limit: limit + 1 }
    const rows = await listFiles(deps.sql, c.var.key.projectId, page, now(deps))
    return c.json(toList(rows, { limit, before: null }, toFile))
  })
  app.get('/:id', async (c) => c.json(toFile(await getFile(deps, c.var.key.projectId, c.req.param('id')))))
  app.get('/:id/content', async (c) => {
    const { key } = c.var
    const file = await getFile(deps, key.projectId, c.req.param('id'))
    await deps.record.access(key, { action: 'file.download', target: file.id, detail: contentOf(file) })
    return new Response(streamOf(readFileBytes(deps, file)), {
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(file.bytes),
        'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}`,
        'x-content-type-options': 'nosniff',
      },
    })
  })
  app.delete('/:id', async (c) => {
    const { key } = c.var
    const file = await getFile(deps, key.projectId, c.req.param('id'))
    await deps.record.admin(key, { action: 'file.delete', target: file.id, detail: contentOf(file) })
    for (const store of await deleteFile(deps, key.projectId, file.id)) deps.ring(store)
    return c.json({ id: file.id, object: 'file', deleted: true })
  })
  return app
}

async function upload(deps: StoresDeps, c: Context<FilesEnv>): Promise<FileRow> {
  const { key } = c.var
  const incoming = c.env.incoming as IncomingMessage
  const sizeHint = Number(incoming.headers['content-length'] ?? MAX_FILE_BYTES)
  let received: Received | null = null
  try {
    const form = await readForm(
      incoming,
      { field: 'file', maxFileBytes: MAX_FILE_BYTES, tooLarge: fileTooLarge },
      async ({ bytes }) => {
        received = await receiveFile(deps, actorOf(key), bytes, sizeHint)
        return received
      },
    )
    if (form.file === null) {
      const message = 'file: the form has no file. Send it as the field "file", with a file name.'
      throw new RequestError('missing_required_parameter', message, { param: 'file' })
    }
    return await keep(deps, key, form.fields, form.file)
  } catch (error) {
    if (received !== null) await giveUpFile(deps, (received as Received).id)
    throw error
  }
}

async function keep(
  deps: StoresDeps,
  key: VirtualKey,
  fields: ReadonlyMap<string, string>,
  { name, mediaType, result }: { name: string; mediaType: string | null; result: Received },
): Promise<FileRow> {
  const sent = uploadFields.safeParse(Object.fromEntries(fields))
  refuseInvalid(sent)
  const { purpose, 'expires_after[seconds]': seconds = null } = sent.data as z.output<typeof uploadFields>
  const { id, bytes, sha256 } = result
  await deps.record.admin(key, { action: 'file.upload', target: id, detail: { bytes, sha256, purpose } })
  const expiresAfterSeconds = seconds ?? (purpose === 'batch' ? BATCH_SECONDS : null)
  return await keepFile(deps, result, {
    name: name === '' ? 'file' : name,
    mediaType,
    purpose: purpose as FilePurpose,
    expiresAfterSeconds,
  })
}

/** What a file is without its name, which may name a person: the log outlives the file. */
function contentOf({ bytes, sha256, purpose }: FileRow) {
  return { bytes, sha256, purpose }
}

function toFile({ id, bytes, createdAt, name, purpose, expiresAt }: FileRow) {
  return {
    id,
    object: 'file' as const,
    bytes,
    created_at: createdAt,
    filename: name,
    purpose,
    status: 'processed' as const,
    ...(expiresAt === null ? {} : { expires_at: expiresAt }),
  }
}

/** A failure in the middle breaks the connection: the length was announced, so nobody takes the rest for whole. */
function streamOf(chunks: AsyncIterator<Buffer>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { value, done } = await chunks.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    cancel: async () => void (await chunks.return?.()),
  })
}

function now({ clock }: StoresDeps): string {
  return new Date(clock.nowMs()).toISOString()
}
