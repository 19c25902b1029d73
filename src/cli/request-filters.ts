/** By what rows of the log are chosen, in one place for every command that chooses some. */

import { type Command, Option } from 'commander'

export type TimeFilters = { since?: string; until?: string }

export type RequestFilters = {
  key?: string
  keyOwner?: string
  model?: string
  route?: string
  release?: string
  index?: string
  upstream?: string
  failed?: boolean
  status?: string
  outcome?: string
  stream?: string
  subject?: string
  replayOf?: string
  shadowOf?: string
  shadow?: boolean
}

/** An export takes all of them but `text`. */
export type ListFilters = TimeFilters & RequestFilters & { text?: string }

const OUTCOMES =
  'completed, client_abort, upstream_error, upstream_cut, timeout, rejected, guardrail, gateway_crash'

/** `--since` and `--until`. `settle` makes `--since` mandatory, or gives it a default. */
export function withTimes(command: Command, settle = (since: Option) => since): Command {
  const since = new Option('--since <when>', 'from: an ISO time, or how long ago: 15m, 7d')
  return command
    .addOption(settle(since))
    .option('--until <when>', 'up to: an ISO time, or how long ago (default now)')
}

export function withRequestFilters(command: Command): Command {
  return command
    .option('--key <id>', 'made with this key: vk_…')
    .option('--key-owner <name>', 'made with a key of this name')
    .option('--model <model>', 'asked for, or answered by, this model')
    .option('--route <route>', 'sent to this route')
    .option('--release <id>', 'served by this release: rel_…')
    .option('--index <index>', 'whose release pins this index: handbook@5, or handbook for any version')
    .option('--upstream <name>', 'sent to this upstream, also when another one answered in the end')
    .option('--failed', 'that did not complete')
    .option('--status <status>', 'the HTTP status the client got: 429')
    .option('--outcome <outcome>', OUTCOMES)
    .addOption(new Option('--stream <yes>', 'streamed or not').choices(['true', 'false']))
    .option('--subject <user>', 'of this end user: what the app sends as `user`, or sub_…')
    .option('--replay-of <id>', 'what was sent again for this request: req_…')
    .option('--shadow-of <id>', 'what a shadow made of this request: req_…')
    .option('--shadow', 'only calls of shadows, which lists show with the others, marked')
    .option('--no-shadow', 'without calls of shadows')
}

/** Everything a list of requests can be narrowed by. */
export function withListFilters(command: Command): Command {
  return withRequestFilters(withTimes(command)).option('--text <text>', 'has this text in a body')
}

/** `--purpose`, on every read that the log records. */
export function withPurpose(command: Command): Command {
  return command.option('--purpose <why>', 'why you look; it stands on the log beside your read')
}

/** The filters in the words of /api; anything else of the options stays as it is. */
export function filterWords<Options extends RequestFilters>({
  keyOwner,
  replayOf,
  shadowOf,
  shadow,
  failed,
  ...rest
}: Options): Omit<Options, 'keyOwner' | 'replayOf' | 'shadowOf' | 'shadow' | 'failed'> & {
  key_owner: string | undefined
  replay_of: string | undefined
  shadow_of: string | undefined
  shadow: string | undefined
  failed: string | undefined
} {
  return {
    ...rest,
    key_owner: keyOwner,
    replay_of: replayOf,
    shadow_of: shadowOf,
    shadow: shadow === undefined ? undefined : String(shadow),
    failed: failed === true ? 'true' : undefined,
  }
}
