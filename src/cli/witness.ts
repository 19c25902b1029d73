/**
 * A witness: keeps, on a machine of its own, what the log has signed, computes each tree further from the leaves the
 * log hands out, and cosigns (C2SP cosignature/v1) only heads that continue what it has seen. It never takes a head back.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseCheckpoint } from '../lib/checkpoint.ts'
import { cosign, cosigner } from '../lib/cosignature.ts'
import { generatePrivateKey, privateKeyPem, readPrivateKey } from '../lib/ed25519.ts'
import { chainHead, chainStart } from '../lib/hash-chain.ts'
import { CompactRange, type CompactRangeState } from '../lib/merkle.ts'
import { NoteError } from '../lib/note-error.ts'
import { HASH_BYTES } from '../lib/sha256.ts'
import { verifyNote } from '../lib/signed-note.ts'
import { parseVerifierKey, type VerifierKey } from '../lib/verifier-key.ts'
import { type CliContext, writeJson } from './context.ts'
import { CliError, EXIT } from './exit-codes.ts'

export type WitnessOptions = { state: string; key: string; watch?: boolean; json?: boolean }

type Seen = { range: CompactRangeState; chain: string; size: number }
type Heads = { data: { writer: string; size: number; note: string }[] }
type Round = { kept: number; unchanged: number; refused: { writer: string; reason: string }[] }

const KEY_FILE = 'witness-key.pem'
const NAME = 'witness'
const ROUND_MS = 60_000
const WRITER = /^[0-9a-f-]{36}$/

/** One round, or one a minute. Exit 110 as soon as a head is refused. */
export async function witness(context: CliContext, options: WitnessOptions): Promise<number> {
  const key = readKey(options.key)
  mkdirSync(options.state, { recursive: true, mode: 0o700 })
  const signer = cosigner(NAME, ownKey(options.state))
  for (;;) {
    const round = await runRound(context, options.state, key, signer)
    if (options.json) writeJson(context, { ...round, witness_key: signer.key.text })
    else {
      context.terminal.write(
        `${round.kept} heads kept and cosigned, ${round.unchanged} unchanged, ${round.refused.length} refused\n`,
      )
      for (const { writer, reason } of round.refused)
        context.terminal.writeError(`refused ${writer}: ${reason}\n`)
      context.terminal.write(`cosigned as ${signer.key.text}\n`)
    }
    if (round.refused.length > 0) return EXIT.altered
    if (options.watch !== true) return EXIT.done
    await sleep(ROUND_MS)
  }
}

type Signer = ReturnType<typeof cosigner>

async function runRound(
  context: CliContext,
  folder: string,
  key: VerifierKey,
  signer: Signer,
): Promise<Round> {
  const round: Round = { kept: 0, unchanged: 0, refused: [] }
  const { data } = await context.client.json<Heads>({ method: 'GET', path: '/api/audit/heads' })
  const named = new Set(data.map(({ writer }) => writer))
  for (const writer of knownWriters(folder)) {
    if (!named.has(writer)) round.refused.push({ writer, reason: 'The log no longer speaks of this writer.' })
  }
  for (const { writer, note } of data) {
    if (!WRITER.test(writer)) throw new CliError(EXIT.ours, 'The server names a writer that is none.')
    try {
      const kept = await follow(context, folder, { writer, note }, key, signer)
      if (kept) round.kept += 1
      else round.unchanged += 1
    } catch (error) {
      if (!(error instanceof Refused || error instanceof NoteError)) throw error
      round.refused.push({ writer, reason: error.message })
    }
  }
  return round
}

class Refused extends Error {
  override name = 'Refused'
}

/** True when the head was new. Throws Refused or NoteError for one that must not be cosigned. */
async function follow(
  context: CliContext,
  folder: string,
  { writer, note }: { writer: string; note: string },
  key: VerifierKey,
  signer: Signer,
): Promise<boolean> {
  const head = parseCheckpoint(verifyNote(note, [key]).text)
  if (!head.origin.endsWith(`/${writer}`)) throw new Refused(`The head is one of ${head.origin}.`)
  const seen = readSeen(folder, writer)
  if (head.size < seen.size) throw new Refused(`It had ${seen.size} records and now has ${head.size}.`)
  const range = CompactRange.restore(seen.range)
  let chain: Buffer = Buffer.from(seen.chain, 'base64')
  while (range.size < head.size) {
    const leaves = await fetchLeaves(context, writer, range.size, head.size)
    for (let at = 0; at < leaves.length; at += HASH_BYTES) range.append(leaves, at)
    chain = chainHead(chain, leaves)
  }
  if (!range.root().equals(head.root) || !chain.equals(head.chain)) {
    throw new Refused(`Its head over ${head.size} records does not continue the one over ${seen.size}.`)
  }
  if (head.size === seen.size && seen.size > 0) return false
  writePrivate(join(folder, `${writer}.note`), cosign(note, signer, Math.floor(context.nowMs() / 1000)))
  writePrivate(
    join(folder, `${writer}.json`),
    JSON.stringify({ size: head.size, chain: chain.toString('base64'), range: range.state() }),
  )
  return true
}

async function fetchLeaves(context: CliContext, writer: string, from: number, to: number): Promise<Buffer> {
  const { leaves } = await context.client.json<{ leaves: string }>({
    method: 'GET',
    path: '/api/audit/leaves',
    query: { writer, from: String(from), to: String(to) },
  })
  const bytes = Buffer.from(leaves, 'base64')
  if (bytes.length === 0 || bytes.length % HASH_BYTES !== 0 || bytes.length / HASH_BYTES > to - from) {
    throw new Refused(`The log does not hand out the leaves from ${from} on.`)
  }
  return bytes
}

function readSeen(folder: string, writer: string): Seen {
  const path = join(folder, `${writer}.json`)
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Seen
  return { size: 0, chain: chainStart().toString('base64'), range: new CompactRange().state() }
}

function knownWriters(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.note'))
    .map((name) => name.slice(0, -'.note'.length))
}

function ownKey(folder: string) {
  const path = join(folder, KEY_FILE)
  if (!existsSync(path)) writePrivate(path, privateKeyPem(generatePrivateKey()))
  return readPrivateKey(readFileSync(path, 'utf8'))
}

function readKey(text: string): VerifierKey {
  try {
    return parseVerifierKey(text.trim())
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    throw new CliError(EXIT.usage, `--key: ${error.message} aval audit keys prints the log’s.`)
  }
}

/** Written beside and renamed: a crash leaves the old file or the new one. */
function writePrivate(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}
