/** Reads a form with one file as it arrives: the file's bytes are handed on, the fields are kept. Never holds the file. */

import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Busboy, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import { RequestError } from '../../errors.ts'

export type FormFile = { name: string; mediaType: string | null; bytes: AsyncIterable<Buffer> }
export type Form<Result> = {
  fields: ReadonlyMap<string, string>
  /** What `take` gave, and what the file is called; null for a form without a file. */
  file: { name: string; mediaType: string | null; result: Result } | null
}

const MAX_FIELDS = 20
const MAX_FIELD_BYTES = 4096
const MAX_HEADER_PAIRS = 20
/** Bytes of a form beside its file: boundaries, headers, fields. */
const MAX_AROUND_BYTES = 1024 ** 2
const MAX_NAME_CHARACTERS = 255

/**
 * `take` gets the file of the field `field` and resolves once it has read all of it. Rejects with RequestError:
 * body_too_large by the declared length, before anything is read; unsupported_media_type for no form; invalid_value for
 * one that is broken or has another file; client_closed_request. Rejects with what `take` rejects with.
 */
export async function readForm<Result>(
  incoming: IncomingMessage,
  { field, maxFileBytes, tooLarge }: { field: string; maxFileBytes: number; tooLarge: () => RequestError },
  take: (file: FormFile) => Promise<Result>,
): Promise<Form<Result>> {
  const parser = openParser(incoming)
  if (Number(incoming.headers['content-length'] ?? 0) > maxFileBytes + MAX_AROUND_BYTES) throw tooLarge()
  const fields = new Map<string, string>()
  let taken: Promise<Form<Result>['file']> | null = null
  let stream: Readable | null = null
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const refuse = (message: string, param: string) =>
    failed.reject(new RequestError('invalid_value', message, { param }))
  // Both emit errors also when they were destroyed, and one that nobody hears ends the process.
  parser.on('error', failed.reject)
  parser.on('field', (name, value, _nameCut, valueCut) => {
    if (valueCut) refuse(`The field ${shown(name)} is longer than ${MAX_FIELD_BYTES} bytes.`, name)
    else fields.set(name, value)
  })
  parser.on('file', (name, bytes, fileName, _encoding, mediaType) => {
    stream = bytes
    bytes.on('error', failed.reject)
    if (name !== field) {
      bytes.resume()
      return refuse(`The field ${shown(name)} holds a file. The file belongs into "${field}".`, name)
    }
    const about = { name: cleanName(fileName), mediaType: mediaType === '' ? null : mediaType }
    taken = take({ ...about, bytes }).then((result) => ({ ...about, result }))
    taken.catch(failed.reject)
  })
  for (const event of ['fieldsLimit', 'filesLimit', 'partsLimit'] as const) {
    parser.on(event, () => refuse(`The form has more than one file and ${MAX_FIELDS} fields.`, field))
  }
  try {
    await Promise.race([pipeline(incoming, parser), failed.promise])
    return { fields, file: await Promise.race([taken, failed.promise]) }
  } catch (error) {
    // Whoever takes the bytes waits for them, and has to hear that no more will come.
    const cause = error instanceof Error ? error : new Error(String(error))
    ;(stream as Readable | null)?.destroy(cause)
    const refusal = await (taken as Promise<unknown> | null)?.then(
      () => null,
      (reason: unknown) => reason,
    )
    if (refusal instanceof RequestError) throw refusal
    throw error instanceof RequestError || !isFault(incoming, error) ? error : faultOf(incoming, cause)
  }
}

function openParser({ headers }: IncomingMessage): BusboyInstance {
  const type = headers['content-type'] ?? ''
  if (!/^multipart\/form-data\s*;/i.test(type)) {
    const message = `The content type ${JSON.stringify(type.slice(0, 100))} is no form. Send multipart/form-data with the fields file and purpose.`
    throw new RequestError('unsupported_media_type', message)
  }
  try {
    const limits = {
      files: 1,
      fields: MAX_FIELDS,
      parts: MAX_FIELDS + 2,
      fieldSize: MAX_FIELD_BYTES,
      headerPairs: MAX_HEADER_PAIRS,
    }
    return new Busboy({ headers: headers as BusboyHeaders, limits })
  } catch (cause) {
    throw new RequestError(
      'invalid_value',
      'The form says no boundary. Send it as an HTTP library makes it.',
      {
        cause,
      },
    )
  }
}

/** True for what the form or its caller did, and not whoever took the file. */
function isFault(incoming: IncomingMessage, error: unknown): boolean {
  if (!incoming.complete && incoming.destroyed) return true
  return error instanceof Error && /multipart|dicer|part terminated|boundary/i.test(error.message)
}

function faultOf(incoming: IncomingMessage, cause: Error): RequestError {
  if (!incoming.complete) {
    return new RequestError('client_closed_request', 'The caller left before its request was complete.', {
      cause,
    })
  }
  const message = 'The form breaks off or is not well formed. Send it as an HTTP library makes it.'
  return new RequestError('invalid_value', message, { cause })
}

/** The last part of a path, without what no terminal should print. */
function cleanName(name: string | undefined): string {
  const bare = (name ?? '')
    .replaceAll(/\p{Cc}/gu, '')
    .toWellFormed()
    .trim()
  return [...bare].slice(0, MAX_NAME_CHARACTERS).join('')
}

function shown(name: string): string {
  return JSON.stringify(String(name).slice(0, 60))
}
