/** Calls of one resource under /api, with the key of a role. */

import type { Role } from '../../src/keys/key.ts'
import type { ApiServer } from './api-server.ts'

export type ApiCall = (
  method: string,
  path: string,
  body?: object,
  as?: { role?: Role; project?: 'default' | 'other' },
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever the wire says and asserts on it.
) => Promise<{ status: number; body: any }>

/** `path` goes behind `base`. An answer that is no JSON is a text. */
export async function callApi(
  { url, keyOf }: Pick<ApiServer, 'url' | 'keyOf'>,
  base: string,
  ...[method, path, body, { role = 'engineer', project = 'default' } = {}]: Parameters<ApiCall>
): ReturnType<ApiCall> {
  const answer = await fetch(`${url}${base}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${keyOf(project, role).token}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.startsWith('application/json')
  return { status: answer.status, body: isJson === true ? JSON.parse(text) : text }
}
