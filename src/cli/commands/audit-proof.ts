/** `aval audit verify|prove|keys|witness`: the log checked, proven to others, and watched from another machine. */

import type { Command } from 'commander'
import { printableLine } from '../../lib/printable.ts'
import { parseDurationMs } from '../../lib/units.ts'
import {
  type CliContext,
  demandConsent,
  type VerifyResult,
  withExamples,
  withJson,
  writeJson,
} from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { formatFields, formatTable } from '../format.ts'
import { type Look, startProgress } from '../progress.ts'
import { colorsOf } from '../terminal.ts'
import { type WitnessOptions, witness } from '../witness.ts'

type VerifyFlags = { since?: string; until?: string; checkpoint?: string[]; key?: string[]; json?: boolean }

/** Findings on a terminal; the JSON report has up to 1,000. */
const SHOWN_FINDINGS = 20
const VERIFY_LOOK: Look = {
  bar: '{bar} {percentage} %  {value} of {total} records  eta {eta_formatted}',
  line: ({ done, total }) => `${done} of ${total} records`,
}
const EXIT_OF = { intact: EXIT.done, altered: EXIT.altered, incomplete: EXIT.incomplete } as const

export function addProofCommands(audit: Command, context: CliContext): void {
  withExamples(
    withJson(
      audit
        .command('verify')
        .description('check the whole log in the database: exit 0 intact, 110 altered, 111 incomplete')
        .option('--since <when>', 'digest bodies only from here on: an ISO time, or how long ago: 7d')
        .option('--until <when>', 'digest bodies only up to here')
        .option('--checkpoint <file...>', 'a signed head kept elsewhere, which the log has to contain')
        .option('--key <key...>', 'who may have signed: a verifier key or a file with one'),
    ),
    'aval audit verify',
    'aval audit verify --since 2026-10-01 --key log.key --checkpoint heads/*.note',
  ).action(context.run((flags: VerifyFlags) => verify(context, flags)))
  withExamples(
    audit
      .command('prove')
      .argument('<id>', 'req_…')
      .description('the proof of one request as JSON, for docs/verify.mjs')
      .option('--bodies', 'with the bodies as they are stored (sealed)'),
    'aval audit prove req_01k… > proof.json',
    'node docs/verify.mjs proof.json --key log.key',
  ).action(
    context.run(async (id: string, flags: { bodies?: boolean }) => {
      const bundle = await context.actions.audit.prove(id, flags.bodies === true)
      context.terminal.write(`${JSON.stringify(bundle, null, 2)}\n`)
      return EXIT.done
    }),
  )
  withExamples(
    withJson(audit.command('keys').description('the public keys that have signed heads of this log')),
    'aval audit keys',
  ).action(context.run((flags: { json?: boolean }) => keys(context, flags)))
  withExamples(
    audit
      .command('rotate-key')
      .description('make a new signing key; the old one vouches for it at the next start')
      .option('--yes', 'do not ask'),
    'aval audit rotate-key --yes',
  ).action(
    context.run(async (flags: { yes?: boolean }) => {
      await demandConsent(context, flags.yes, 'Sign this log with a new key from the next start on?')
      await context.actions.audit.rotateKey()
      context.terminal.write(
        'There is a new signing key. Restart the server; aval audit keys then lists both.\n',
      )
      return EXIT.done
    }),
  )
  withExamples(
    withJson(
      audit
        .command('witness')
        .description(
          "keep and cosign the log's heads on this machine; refuse any that rewrites what was seen",
        )
        .requiredOption('--state <folder>', 'where heads and the witness’s own key are kept')
        .requiredOption('--key <key>', 'the log’s verifier key, taken from somewhere else than the log')
        .option('--watch', 'go on, a round a minute, until stopped'),
    ),
    'AVAL_URL=https://aval.example.org AVAL_KEY=vk_… aval audit witness --state heads --key "$(cat log.key)"',
  ).action(context.run((options: WitnessOptions) => witness(context, options)))
}

async function verify(context: CliContext, flags: VerifyFlags): Promise<number> {
  const { terminal } = context
  const progress = startProgress(terminal, VERIFY_LOOK, flags.json === true)
  let result: VerifyResult
  try {
    result = await context.actions.audit.verify({
      keys: flags.key ?? [],
      checkpoints: flags.checkpoint ?? [],
      sinceMs: instant(context, flags.since, '--since'),
      untilMs: instant(context, flags.until, '--until'),
      onProgress: ({ records, total }) => progress.update({ done: records, total }),
    })
  } finally {
    progress.stop()
  }
  if (flags.json) writeJson(context, toWire(result))
  else terminal.write(verdictText(context, result))
  return EXIT_OF[result.status]
}

function verdictText(context: CliContext, result: VerifyResult): string {
  const colors = colorsOf(context.terminal)
  const count = (value: number) => value.toLocaleString('en-US')
  const counted = (value: number, noun: string) => `${count(value)} ${noun}${value === 1 ? '' : 's'}`
  const paint = result.status === 'intact' ? colors.green : colors.red
  const lines = [
    `${counted(result.records, 'record')}, ${counted(result.rows, 'request')}, ${counted(result.events, 'event')}, ${counted(result.writers, 'writer')}, ${counted(result.heads, 'head')}, ${counted(result.superHeads, 'super-checkpoint')}: ${paint(result.status)}\n`,
    formatFields([
      ['signed', `${count(result.signed)} records under a head that fits`],
      [
        'under way',
        result.underWay === 0 ? null : `${count(result.underWay)} records of requests that have not ended`,
      ],
      ['bodies', `${count(result.bodies)} digested`],
      ['altered', String(result.altered)],
      ['incomplete', String(result.incomplete)],
      ['explained', `${count(result.explained)} gone for a reason that is on the log`],
      ['keys from', result.keysFrom],
    ]),
  ]
  if (result.keysFrom === 'the database') {
    lines.push(
      '\nThe keys were taken from the database itself: a forger could have put them there. Pass --key.\n',
    )
  }
  const worst = result.findings.filter(({ severity }) => severity !== 'explained')
  if (worst.length > 0) {
    const rows = worst
      .slice(0, SHOWN_FINDINGS)
      .map((one) => [
        one.severity,
        one.kind,
        one.writer ?? '-',
        String(one.seq ?? '-'),
        one.id ?? '-',
        printableLine(one.message),
      ])
    lines.push(`\n${formatTable(['SEVERITY', 'KIND', 'WRITER', 'RECORD', 'ID', 'WHAT'], rows)}`)
    if (worst.length > SHOWN_FINDINGS) lines.push(`\n${worst.length - SHOWN_FINDINGS} more with --json.\n`)
  }
  return lines.join('')
}

function toWire(result: VerifyResult): Record<string, unknown> {
  const { keysFrom, superHeads, underWay, ...rest } = result
  return { ...rest, super_heads: superHeads, under_way: underWay, keys_from: keysFrom }
}

function instant(context: CliContext, text: string | undefined, option: string): number | null {
  if (text === undefined) return null
  const agoMs = parseDurationMs(text)
  const atMs = agoMs === null ? Date.parse(text) : context.nowMs() - agoMs
  if (Number.isNaN(atMs))
    throw new CliError(EXIT.usage, `${option} ${text}: write an ISO time or how long ago, such as 7d.`)
  return atMs
}

async function keys(context: CliContext, flags: { json?: boolean }): Promise<number> {
  const stored = await context.actions.audit.keys()
  if (flags.json) {
    writeJson(context, {
      data: stored.map(({ verifierKey, endorsement }) => ({ verifier_key: verifierKey, endorsement })),
    })
    return EXIT.done
  }
  if (stored.length === 0)
    context.terminal.write('No key has signed yet. The first head is signed ten seconds after a start.\n')
  for (const { verifierKey, endorsement } of stored) {
    context.terminal.write(
      `${verifierKey}${endorsement === null ? '' : '  (endorsed by the key before it)'}\n`,
    )
  }
  return EXIT.done
}
