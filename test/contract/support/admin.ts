/** Calls of the management API in contract tests. */

/** `path` below `/api`. Throws with the answer when it is no success. */
export async function callAdmin(
  { url, adminKey }: { url: string; adminKey: string },
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/api${path}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const json = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(json)}`)
  return json
}
