/** Where a list of requests goes on: the start and the id of the last row already seen, as one opaque text. Pure. */

import { RequestError } from '../errors.ts'

export type CursorPlace = { startedAtMs: number; id: string }

/** Year 9999; beyond it neither ISO text nor a partition name has four digits. */
export const MAX_INSTANT_MS = 253_402_214_400_000

export function encodeCursor(startedAtMs: number, id: string): string {
  return Buffer.from(`${startedAtMs} ${id}`).toString('base64url')
}

/** Throws RequestError for a text that is none of ours. */
export function decodeCursor(cursor: string): CursorPlace {
  const match = /^(\d{1,15}) (req_[0-9a-z]{26})$/.exec(
    Buffer.from(cursor.slice(0, 200), 'base64url').toString('latin1'),
  )
  const startedAtMs = Number(match?.[1])
  if (match?.[2] === undefined || startedAtMs > MAX_INSTANT_MS) {
    throw new RequestError('invalid_value', 'The cursor is not one of this list; start without it.', {
      param: 'cursor',
    })
  }
  return { startedAtMs, id: match[2] }
}
