/** `aval key create|list|show|revoke|rotate`. A token is printed once, by the command that made it. */

import type { Command } from 'commander'
import { printableLine } from '../../lib/printable.ts'
import {
  type CliContext,
  demandConsent,
  type ListOptions,
  wholeNumber,
  withExamples,
  withJson,
  withPaging,
  writeJson,
} from '../context.ts'
import { formatFields, formatTime, shorten } from '../format.ts'
import { showList } from '../list.ts'
import { colorsOf } from '../terminal.ts'

type Key = {
  id: string
  name: string
  owner: string | null
  project: string
  roles: string[]
  routes: string[] | null
  rpm: number | null
  concurrency: number | null
  state: string
  source: string
  created_at: string | null
  expires_at: string | null
  revoked_at: string | null
  replaced_by: string | null
}
type Minted = Key & { token: string }
type CreateOptions = {
  owner?: string
  role?: string[]
  route?: string[]
  project?: string
  rpm?: number
  concurrency?: number
  expires?: string
  json?: boolean
}
type RotateOptions = { overlap?: string; expires?: string; json?: boolean }

export function addKeyCommands(program: Command, context: CliContext): void {
  const key = program.command('key').description('make, list, show, rotate and revoke virtual keys')
  withExamples(
    withJson(
      key
        .command('create')
        .argument('<name>', 'the app, team or person it is for')
        .description('make a key; its secret is shown once')
        .option(
          '--owner <owner>',
          'the person or team who answers for it; naming another one needs admin (default: yourself)',
        )
        .option('--role <role...>', 'admin, engineer, approver, auditor or app (default: app)')
        .option(
          '--route <pattern...>',
          'what it may call: support-answer, "support-*", "openai/*" (default: all)',
        )
        .option('--project <project>', 'the project it belongs to (default: that of your own key)')
        .option('--rpm <count>', 'requests per minute', wholeNumber)
        .option('--concurrency <count>', 'requests at once', wholeNumber)
        .option('--expires <when>', 'an ISO time, or how long from now: 90d'),
    ),
    'aval key create web-shop',
    'aval key create web-shop --route "support-*" --rpm 600 --expires 90d',
    'aval key create ada --owner ada@example.com --role auditor',
  ).action(context.run((name: string, options: CreateOptions) => create(context, name, options)))

  withExamples(
    withPaging(key.command('list').description('keys of your project, newest first')),
    'aval key list',
    'aval key list --json',
  ).action(context.run((options: ListOptions) => list(context, options)))

  withExamples(
    withJson(
      key.command('show').argument('<id>', 'vk_…, or cfg_… for a key of aval.yaml').description('one key'),
    ),
    'aval key show vk_01k…',
  ).action(context.run((id: string, options: { json?: boolean }) => show(context, id, options)))

  withExamples(
    withJson(
      key
        .command('rotate')
        .argument('<id>', 'vk_…')
        .description('make a successor of the same owner; the old key works on for a while')
        .option('--overlap <duration>', 'how long both work, at most 30d', '24h')
        .option('--expires <duration>', 'life of the new key, such as 90d (default: as the old one)'),
    ),
    'aval key rotate vk_01k…',
    'aval key rotate vk_01k… --overlap 2h',
  ).action(context.run((id: string, options: RotateOptions) => rotate(context, id, options)))

  withExamples(
    withJson(
      key
        .command('revoke')
        .argument('<id>', 'vk_…')
        .description('end a key everywhere within a second')
        .option('--yes', 'do not ask'),
    ),
    'aval key revoke vk_01k…',
    'aval key revoke vk_01k… --yes',
  ).action(
    context.run((id: string, options: { yes?: boolean; json?: boolean }) => revoke(context, id, options)),
  )
}

async function create(context: CliContext, name: string, options: CreateOptions): Promise<undefined> {
  const minted = await context.client.json<Minted>({
    method: 'POST',
    path: '/api/keys',
    body: {
      name,
      ...(options.owner !== undefined && { owner: options.owner }),
      ...(options.role && { roles: options.role }),
      ...(options.route && { routes: options.route }),
      ...(options.project !== undefined && { project: options.project }),
      ...(options.rpm !== undefined && { rpm: options.rpm }),
      ...(options.concurrency !== undefined && { concurrency: options.concurrency }),
      ...(options.expires !== undefined &&
        (/^\d{4}-/.test(options.expires)
          ? { expires_at: options.expires }
          : { expires_in: options.expires })),
    },
  })
  if (options.json) writeJson(context, minted)
  else writeMinted(context, minted)
  return undefined
}

async function list(context: CliContext, options: ListOptions): Promise<undefined> {
  return await showList<Key>(context, options, {
    path: '/api/keys',
    none: 'No keys yet. Make one: aval key create <name>',
    head: ['ID', 'NAME', 'OWNER', 'ROLES', 'ROUTES', 'STATE', 'CREATED', 'EXPIRES'],
    cells: (key) => [
      key.id,
      shorten(key.name, 30),
      shorten(key.owner ?? '', 30),
      key.roles.join(' '),
      key.routes === null ? 'all' : shorten(key.routes.join(' '), 40),
      key.state,
      key.created_at === null ? key.source : formatTime(context.terminal, key.created_at),
      formatTime(context.terminal, key.expires_at),
    ],
  })
}

async function show(context: CliContext, id: string, options: { json?: boolean }): Promise<undefined> {
  const path = `/api/keys/${encodeURIComponent(id)}`
  const key = await context.client.json<Key>({ method: 'GET', path })
  if (options.json) {
    writeJson(context, key)
    return undefined
  }
  const time = (at: string | null) => (at === null ? null : formatTime(context.terminal, at))
  context.terminal.write(
    formatFields([
      ...fieldsOf(context, key),
      ['state', key.state],
      ['made', time(key.created_at) ?? key.source],
      ['revoked', time(key.revoked_at)],
      ['replaced by', key.replaced_by],
    ]),
  )
  return undefined
}

async function rotate(context: CliContext, id: string, options: RotateOptions): Promise<undefined> {
  const rotated = await context.client.json<Minted & { replaced: Key }>({
    method: 'POST',
    path: `/api/keys/${encodeURIComponent(id)}/rotate`,
    body: {
      overlap: options.overlap,
      ...(options.expires !== undefined && { expires_in: options.expires }),
    },
  })
  if (options.json) {
    writeJson(context, rotated)
    return undefined
  }
  writeMinted(context, rotated)
  context.terminal.write(
    `${id} works until ${formatTime(context.terminal, rotated.replaced.expires_at)}; end it sooner with: aval key revoke ${id}\n`,
  )
  return undefined
}

async function revoke(
  context: CliContext,
  id: string,
  options: { yes?: boolean; json?: boolean },
): Promise<undefined> {
  await demandConsent(context, options.yes, `Revoke ${id}? Whoever uses it is refused at once.`)
  const revoked = await context.client.json<Key>({
    method: 'DELETE',
    path: `/api/keys/${encodeURIComponent(id)}`,
  })
  if (options.json) writeJson(context, revoked)
  else context.terminal.write(`Revoked ${revoked.id} (${printableLine(shorten(revoked.name, 60))}).\n`)
  return undefined
}

function fieldsOf(context: CliContext, key: Key): [name: string, value: string | null][] {
  return [
    ['id', key.id],
    ['name', key.name],
    ['owner', key.owner ?? 'none: a person of its own'],
    ['project', key.project],
    ['roles', key.roles.join(' ')],
    ['routes', key.routes === null ? 'all' : key.routes.join(' ')],
    ['rpm', key.rpm === null ? null : String(key.rpm)],
    ['concurrency', key.concurrency === null ? null : String(key.concurrency)],
    ['expires', key.expires_at === null ? 'never' : formatTime(context.terminal, key.expires_at)],
  ]
}

function writeMinted(context: CliContext, minted: Minted): void {
  const colors = colorsOf(context.terminal)
  context.terminal.write(formatFields(fieldsOf(context, minted)))
  context.terminal.write(`\n${colors.bold(minted.token)}\n`)
  context.terminal.write('This is the key. It is shown once and stored nowhere.\n')
}
