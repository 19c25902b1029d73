/** What aval.yaml declares, brought to the server when a command names it. */

import type { CliContext } from '../../context.ts'
import { CliError } from '../../exit-codes.ts'
import { type Source, sourcePath } from './wire.ts'

type Declared = Readonly<{ name: string } & Record<string, unknown>>

/**
 * Makes the source as the file has it, or changes its settings to that; does nothing for a name that the file does not
 * know, and nothing when there is nothing to change. Rejects with ConfigError for mistakes in the file.
 */
export async function bringDeclaredSource(context: CliContext, name: string, quiet: boolean): Promise<void> {
  const { sources } = await context.actions.retrieval()
  const declared = sources.find((source) => source.name === name)
  if (declared === undefined) return
  const known = await findSource(context, name)
  if (known !== null && isSame(declared, known)) return
  await context.client.json<Source>({ method: 'POST', path: '/api/sources', body: declared })
  const what = known === null ? 'made' : 'changed'
  if (!quiet) context.terminal.writeError(`Source ${name} was ${what} as aval.yaml has it.\n`)
}

async function findSource({ client }: CliContext, name: string): Promise<Source | null> {
  try {
    return await client.json<Source>({ method: 'GET', path: sourcePath(name) })
  } catch (error) {
    if (error instanceof CliError && error.code === 'not_found') return null
    throw error
  }
}

/** What the file does not say is as good as the server's default. */
function isSame({ name: _name, kind, ...wanted }: Declared, known: Source): boolean {
  if (kind !== known.kind) return false
  const names = new Set([...Object.keys(known.settings), ...Object.keys(wanted)])
  return [...names].every((name) => text(wanted[name]) === text(known.settings[name]))
}

function text(value: unknown): string {
  return Array.isArray(value) && value.length === 0 ? 'null' : JSON.stringify(value ?? null)
}
