#!/usr/bin/env node
/**
 * Checks the proof of one request from Aval's log, without Aval: one file, Node 18 or later, nothing to install.
 *
 *   node verify.mjs proof.json --key <verifier key, or file> [--witness <verifier key, or file>]…
 *                              [--checkpoint <file with an older signed checkpoint>]
 *
 * It prints what it checked, a line each, and ends with 0 intact, 110 altered, 111 incomplete, 2 wrong usage.
 * What it rests on: the verifier key, which has to come from elsewhere than the proof; SHA-256 and Ed25519. The forms:
 * RFC 6962 and RFC 9162 (tree), c2sp.org/signed-note, /tlog-checkpoint, /tlog-cosignature. A note marks what was not
 * checked. It cannot show what was never logged.
 */

import { createHash, createPublicKey, verify } from 'node:crypto'
import { existsSync, readFileSync, realpathSync } from 'node:fs'

const EXIT = { intact: 0, usage: 2, altered: 110, incomplete: 111 }
const USAGE =
  'Usage: node verify.mjs proof.json --key <verifier key or file> [--witness <verifier key or file>]… [--checkpoint <file>]'

const LOG_KEY = 0x01
const WITNESS_KEY = 0x04
/** RFC 8410: what stands before the 32 bytes of an Ed25519 public key in DER. */
const KEY_HEAD = Buffer.from('302a300506032b6570032100', 'hex')
const TYPES = 'open part close whole gap seal admin access erase tombstone key clock rotate missed'.split(' ')

export class UsageError extends Error {}
/** Something is not of the form it must have, or does not fit: altered. */
class Altered extends Error {}

/**
 * @param {Buffer | string} source the file proof.json
 * @param {{ keys: string[], witnesses?: string[], older?: string | null }} trust verifier keys of the log and of
 *   witnesses; the text of an older signed checkpoint
 * @returns {{ lines: { mark: 'ok' | 'FAIL' | 'note', words: string }[], exitCode: number, verdict: string }}
 * Throws UsageError for keys that are none.
 */
export function verifyBundle(source, { keys, witnesses = [], older = null }) {
  const trust = {
    keys: keys.map((text) => readKey(text, LOG_KEY)),
    witnesses: witnesses.map((text) => readKey(text, WITNESS_KEY)),
    older,
  }
  const report = new Report()
  report.guard('The proof', () => checkBundle(source, trust, report))
  return { lines: report.lines, ...report.verdict() }
}

class Report {
  lines = []
  altered = false
  incomplete = false

  ok(words) {
    this.lines.push({ mark: 'ok', words })
  }
  note(words) {
    this.lines.push({ mark: 'note', words })
  }
  failAltered(words) {
    this.altered = true
    this.lines.push({ mark: 'FAIL', words })
  }
  failIncomplete(words) {
    this.incomplete = true
    this.lines.push({ mark: 'FAIL', words })
  }
  /** Runs one check; what it throws as Altered becomes its line. Gives what it returns, or null. */
  guard(what, check) {
    try {
      return check()
    } catch (error) {
      if (!(error instanceof Altered)) throw error
      this.failAltered(`${what}: ${error.message}`)
      return null
    }
  }
  verdict() {
    if (this.altered)
      return { exitCode: EXIT.altered, verdict: 'ALTERED: this is not what was logged and signed.' }
    if (this.incomplete)
      return { exitCode: EXIT.incomplete, verdict: 'INCOMPLETE: what is here is not all of it.' }
    return { exitCode: EXIT.intact, verdict: 'INTACT: this is what was logged and signed.' }
  }
}

function checkBundle(source, trust, report) {
  const bundle = readJson(source)
  if (!checkShape(bundle, report)) return
  const head = checkCheckpoint(bundle, trust, report, 'Checkpoint')
  if (head !== null) {
    report.guard('Older checkpoint', () => checkOlder(bundle, head, trust, report))
    for (const record of bundle.records) checkRecord(record, head, report)
  }
  const erased = bundle.erased === undefined ? null : checkErasure(bundle, trust, report)
  for (const record of bundle.records) checkBodies(record, erased, report)
  report.guard('Request', () => checkStory(bundle, report))
}

// The form of the file

const isText = (value) => typeof value === 'string' && Buffer.from(value).toString() === value
const isCount = (value) => Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)
const isDigest = (value) => value === null || (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value))
const isId = (value) =>
  value === null || (typeof value === 'string' && /^[ -~]+$/.test(value) && value !== '-')
const isBytes = (value) => typeof value === 'string' && decodeBase64(value) !== null
const isHashes = (value) =>
  Array.isArray(value) && value.every((one) => isBytes(one) && decodeBase64(one).length === 32)

const RECORD = {
  type: (value) => TYPES.includes(value),
  seq: isCount,
  wall_ms: isCount,
  flags: isCount,
  id: isId,
  meta: isText,
  first_sha256: isDigest,
  second_sha256: isDigest,
  proof: isHashes,
}
const RECORD_OPTIONAL = { first: isBytes, second: isBytes }
const TREE = { origin: isText, writer: isText, checkpoint: isText }
const BUNDLE = {
  ...TREE,
  format: (value) => value === 'aval-proof/1',
  request_id: isText,
  records: Array.isArray,
}
const BUNDLE_OPTIONAL = { consistency: isHashes, erased: () => true }

function checkShape(bundle, report) {
  const before = report.lines.length
  shape(bundle, BUNDLE, BUNDLE_OPTIONAL, 'The proof', report)
  const records = Array.isArray(bundle?.records) ? bundle.records : []
  records.forEach((record, at) => {
    shape(record, RECORD, RECORD_OPTIONAL, `Record at place ${at}`, report)
  })
  if (bundle?.erased !== undefined) {
    shape(bundle.erased, { ...TREE, record: () => true }, {}, 'Erasure', report)
    shape(bundle.erased?.record, RECORD, RECORD_OPTIONAL, 'Record of the erasure', report)
  }
  return report.lines.length === before
}

function shape(value, required, optional, where, report) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report.failAltered(`${where} is not an object.`)
    return
  }
  for (const name of Object.keys(required)) {
    if (!Object.hasOwn(value, name)) report.failIncomplete(`${where} has no "${name}".`)
  }
  for (const [name, held] of Object.entries(value)) {
    const fits = Object.hasOwn(required, name)
      ? required[name]
      : Object.hasOwn(optional, name) && optional[name]
    if (fits === false) report.failAltered(`${where} has a field "${name}" that no proof has.`)
    else if (!fits(held)) report.failAltered(`${where} has something else than it should as "${name}".`)
  }
}

function readJson(source) {
  const text = source.toString()
  if (typeof source !== 'string' && !Buffer.from(text).equals(source))
    throw new Altered('the file is not UTF-8.')
  try {
    return JSON.parse(text)
  } catch {
    throw new Altered('the file is not JSON.')
  }
}

function decodeBase64(text) {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}

// Keys, notes, checkpoints

function readKey(text, algorithm) {
  const [, name, keyId, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? []
  const bytes = encoded === undefined ? null : decodeBase64(encoded)
  if (bytes === null || bytes.length !== 33 || keyIdOf(name, bytes) !== keyId) {
    throw new UsageError(`This is no verifier key: ${text}`)
  }
  if (bytes[0] !== algorithm) {
    throw new UsageError(
      `${name} is ${bytes[0] === WITNESS_KEY ? 'a witness (--witness)' : 'no key of that kind'}.`,
    )
  }
  const der = Buffer.concat([KEY_HEAD, bytes.subarray(1)])
  return { name, keyId, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) }
}

function keyIdOf(name, typedKey) {
  return sha256(Buffer.from(`${name}\n`), typedKey).toString('hex', 0, 4)
}

/** c2sp.org/signed-note: text, blank line, signature lines. */
function readNote(whole) {
  const end = whole.lastIndexOf('\n\n')
  const lines = whole.slice(end + 2).split('\n')
  if (end === -1 || lines.pop() !== '' || lines.length === 0) throw new Altered('it is not a signed note.')
  const signatures = lines.map((line) => {
    const [, name, encoded] = /^— ([^\s+]+) (\S+)$/.exec(line) ?? []
    const bytes = encoded === undefined ? null : decodeBase64(encoded)
    if (bytes === null || bytes.length < 5) throw new Altered('it has a line that is no signature.')
    return { name, keyId: bytes.toString('hex', 0, 4), bytes: bytes.subarray(4) }
  })
  return { text: whole.slice(0, end + 1), signatures }
}

const by = (key) => (signature) => signature.name === key.name && signature.keyId === key.keyId

function openNote(whole, keys) {
  const note = readNote(whole)
  const signers = keys.filter((key) => note.signatures.some(by(key)))
  if (signers.length === 0) throw new Altered('it is not signed by the key given.')
  for (const key of signers) {
    for (const { bytes } of note.signatures.filter(by(key))) {
      if (bytes.length !== 64 || !verify(null, Buffer.from(note.text), key.publicKey, bytes)) {
        throw new Altered(`the signature of ${key.name} does not fit it.`)
      }
    }
  }
  return { note, signers: signers.map(({ name }) => name).join(', ') }
}

/** c2sp.org/tlog-checkpoint: origin, size, root, extension lines. */
function readHead(note) {
  const [origin, digits, encoded, ...extensions] = note.text.split('\n')
  const root = decodeBase64(encoded ?? '')
  const size = Number(digits)
  if (!/^(0|[1-9][0-9]*)$/.test(digits) || !isCount(size) || root?.length !== 32) {
    throw new Altered('it is not a checkpoint.')
  }
  const time =
    extensions.find((line) => line.startsWith('time '))?.slice('time '.length) ?? 'a time it does not say'
  return { note, origin, size, root, time }
}

/** The head that the log and every witness has signed; null when the log has not. */
function checkCheckpoint(tree, { keys, witnesses }, report, what) {
  const head = report.guard(what, () => checkSignature(tree, keys, report, what))
  for (const witness of head === null ? [] : witnesses) {
    report.guard(what, () => checkWitness(head.note, witness, report, what))
  }
  return head
}

function checkSignature({ checkpoint, origin, writer }, keys, report, what) {
  const { note, signers } = openNote(checkpoint, keys)
  const head = readHead(note)
  if (head.origin !== origin) throw new Altered('it is of another log than the proof says.')
  if (origin.slice(origin.lastIndexOf('/') + 1) !== writer) {
    throw new Altered('it is of another writer than the proof says.')
  }
  report.ok(`${what}: ${signers} signed the ${head.size} records of ${origin}, at ${head.time}.`)
  return head
}

/** c2sp.org/tlog-cosignature, cosignature/v1. */
function checkWitness(note, witness, report, what) {
  const cosignatures = note.signatures.filter(by(witness))
  for (const { bytes } of cosignatures) {
    const seconds = bytes.length === 72 ? bytes.readBigUInt64BE() : 0n
    const message = Buffer.from(`cosignature/v1\ntime ${seconds}\n${note.text}`)
    if (bytes.length !== 72 || !verify(null, message, witness.publicKey, bytes.subarray(8))) {
      throw new Altered(`the cosignature of ${witness.name} does not fit it.`)
    }
    report.ok(`${what}: ${witness.name} cosigned it at ${timeOf(seconds)}.`)
  }
  if (cosignatures.length === 0) report.failIncomplete(`${what}: ${witness.name} has not cosigned it.`)
}

function timeOf(seconds) {
  const time = new Date(Number(seconds) * 1000)
  return Number.isNaN(time.getTime()) ? `${seconds} seconds after 1970` : time.toISOString()
}

function checkOlder(bundle, head, { keys, older }, report) {
  if (older === null) {
    if (bundle.consistency !== undefined) {
      report.note('A proof of consistency is there; give the older checkpoint with --checkpoint to check it.')
    }
    return
  }
  const before = readHead(openNote(older, keys).note)
  if (before.origin !== head.origin) throw new Altered(`it is of another log, ${before.origin}.`)
  if (before.size > head.size)
    throw new Altered('it has more records than the newer one: the log has shrunk.')
  const isKnown = before.size === head.size || before.size === 0
  if (bundle.consistency === undefined && !isKnown) {
    report.failIncomplete('The proof does not hold how the older checkpoint leads to this one.')
    return
  }
  const proof = (bundle.consistency ?? []).map(decodeBase64)
  if (!isConsistent(before, head, proof))
    throw new Altered('the log does not begin with what it signed then.')
  report.ok(`Older checkpoint: the log begins with the ${before.size} records it signed at ${before.time}.`)
}

// Records

const nameOf = ({ seq, type }) => `Record ${seq} (${type})`

function leafOf({ type, seq, wall_ms, flags, id, meta, first_sha256, second_sha256 }) {
  const metaDigest = meta === '' ? '-' : sha256(Buffer.from(meta)).toString('hex')
  const parts = [metaDigest, first_sha256 ?? '-', second_sha256 ?? '-'].join('\n')
  const text = `aval-record/1\n${type}\n${seq}\n${wall_ms}\n${flags}\n${id ?? '-'}\n${parts}\n`
  return sha256(Buffer.from([0x00]), Buffer.from(text))
}

function checkRecord(record, head, report) {
  if (isIncluded(leafOf(record), record.seq, head, record.proof.map(decodeBase64))) {
    report.ok(`${nameOf(record)}: what it says is in the signed log, at its place.`)
    return true
  }
  report.failAltered(`${nameOf(record)}: it is not in the signed log, or not like this.`)
  return false
}

function checkBodies(record, erased, report) {
  for (const [part, name] of [
    ['first', 'first body'],
    ['second', 'second body'],
  ]) {
    const digest = record[`${part}_sha256`]
    const bytes = record[part] === undefined ? null : decodeBase64(record[part])
    if (bytes === null && digest !== null) {
      const why = erased === null ? 'not included' : `not included, erased by record ${erased.seq}`
      report.note(`${nameOf(record)}: ${name} ${why}; its SHA-256 is ${digest}.`)
    }
    if (bytes === null) continue
    if (digest !== null && sha256(bytes).toString('hex') === digest) {
      report.ok(`${nameOf(record)}: ${name}, ${bytes.length} bytes, is what was recorded.`)
    } else {
      report.failAltered(`${nameOf(record)}: ${name} is not what was recorded.`)
    }
  }
}

function checkErasure(bundle, trust, report) {
  const { record } = bundle.erased
  const head = checkCheckpoint(bundle.erased, trust, report, 'Checkpoint of the erasure')
  if (head === null || !checkRecord(record, head, report)) return null
  const requests = record.meta === '' ? null : objectIn(record.meta).requests
  const named =
    record.id === bundle.request_id || (Array.isArray(requests) && requests.includes(bundle.request_id))
  if (record.type !== 'erase' || !named) {
    report.failAltered(`${nameOf(record)}: it is no erasure of this request.`)
    return null
  }
  report.ok(`${nameOf(record)}: the erasure is itself on the log.`)
  return record
}

// The request: it begins, it ends, and every record names it

function checkStory({ request_id: id, records }, report) {
  const own = (type) => records.filter((record) => record.type === type)
  const [opens, parts, closes, wholes] = ['open', 'part', 'close', 'whole'].map(own)
  if (records.some((record, at) => at > 0 && record.seq <= records[at - 1].seq)) {
    throw new Altered('its records are not in the order of the log.')
  }
  if (opens.length > 1 || closes.length > 1 || wholes.length > 1)
    throw new Altered('it begins or ends twice.')
  const [open, close, whole] = [opens[0], closes[0], wholes[0]]
  if (whole !== undefined && (open ?? close ?? parts[0]) !== undefined)
    throw new Altered('it has two stories.')
  const named = [...opens, ...parts, ...closes, ...wholes].every((record) => record.id === id)
  if (!named || !metaNames(id, open, close, whole)) throw new Altered(`not every record names ${id}.`)
  if (whole !== undefined) {
    report.ok(`Request ${id}: one record (${whole.seq}) says how it began and how it ended.`)
    return
  }
  if (open === undefined) report.failIncomplete(`Request ${id}: the record of how it began is missing.`)
  if (close === undefined) report.failIncomplete(`Request ${id}: the record of how it ended is missing.`)
  if (open === undefined || close === undefined) return
  if (
    [...parts, close].some((record) => record.seq < open.seq) ||
    parts.some((part) => part.seq > close.seq)
  ) {
    throw new Altered('its records are not in the order of a request.')
  }
  checkParts(id, parts, objectIn(close.meta).parts, report)
  report.ok(`Request ${id}: record ${open.seq} says how it began, record ${close.seq} how it ended.`)
}

function metaNames(id, open, close, whole) {
  const both = whole === undefined ? {} : objectIn(whole.meta)
  return (
    (open === undefined || objectIn(open.meta).id === id) &&
    (close === undefined || objectIn(close.meta).id === id) &&
    (whole === undefined || (both.open?.id === id && both.close?.id === id))
  )
}

function checkParts(id, parts, told, report) {
  if (told === undefined) {
    report.note(
      `Request ${id}: its end does not say how many parts of the answer there are; ${parts.length} are here.`,
    )
  } else if (told !== parts.length) {
    report.failIncomplete(
      `Request ${id}: ${parts.length} parts of the answer are here, its end says ${told}.`,
    )
  }
}

function objectIn(meta) {
  try {
    const value = JSON.parse(meta)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Said below.
  }
  throw new Altered('the meta of a record is no JSON object.')
}

// The tree

function sha256(...parts) {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const node = (left, right) => sha256(Buffer.from([0x01]), left, right)
const isOdd = (value) => value % 2 === 1
const half = (value) => Math.floor(value / 2)

/** A last node without a sibling is its own parent. */
function skipMissing(at, last) {
  return at === 0 || isOdd(at) ? [at, last] : skipMissing(half(at), half(last))
}

/** RFC 9162 §2.1.3.2. */
function isIncluded(leaf, index, { size, root }, proof) {
  if (index >= size) return false
  let [at, last, digest] = [index, size - 1, leaf]
  for (const sibling of proof) {
    if (last === 0) return false
    const isRight = isOdd(at) || at === last
    digest = isRight ? node(sibling, digest) : node(digest, sibling)
    if (isRight) [at, last] = skipMissing(at, last)
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 && digest.equals(root)
}

/** RFC 9162 §2.1.4.2. */
function isConsistent(before, head, proof) {
  if (before.size === head.size) return proof.length === 0 && before.root.equals(head.root)
  if (before.size === 0) return proof.length === 0 && before.root.equals(sha256())
  let [at, last] = [before.size - 1, head.size - 1]
  while (isOdd(at)) [at, last] = [half(at), half(last)]
  // Nothing is left of it: the old tree is a full left part of the new one, and its root is known.
  const [first, ...rest] = at === 0 ? [before.root, ...proof] : proof
  if (first === undefined || proof.length === 0) return false
  let [oldDigest, newDigest] = [first, first]
  for (const sibling of rest) {
    if (last === 0) return false
    const isRight = isOdd(at) || at === last
    if (isRight) oldDigest = node(sibling, oldDigest)
    newDigest = isRight ? node(sibling, newDigest) : node(newDigest, sibling)
    if (isRight) [at, last] = skipMissing(at, last)
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 && oldDigest.equals(before.root) && newDigest.equals(head.root)
}

// The command

function readArguments(words) {
  const given = { files: [], '--key': [], '--witness': [], '--checkpoint': [] }
  const rest = [...words]
  while (rest.length > 0) {
    const word = rest.shift()
    if (!word.startsWith('--')) given.files.push(word)
    else if (!Object.hasOwn(given, word)) throw new UsageError(`There is no option ${word}.`)
    else if (rest.length === 0) throw new UsageError(`${word} needs a value.`)
    else given[word].push(rest.shift())
  }
  if (given.files.length !== 1) throw new UsageError('Give one proof.')
  if (given['--key'].length === 0) throw new UsageError('Give the verifier key of the log with --key.')
  if (given['--checkpoint'].length > 1) throw new UsageError('Give one older checkpoint.')
  return given
}

function readFile(path) {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${error.code}.`)
  }
}

/** A verifier key, or those of a file: one a line, # before a remark. */
function keysOf(argument) {
  if (!existsSync(argument)) return [argument]
  const lines = readFile(argument).toString().split('\n')
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
}

function main(words) {
  if (words.includes('--help')) {
    process.stdout.write(`${USAGE}\n`)
    return EXIT.intact
  }
  try {
    const given = readArguments(words)
    const [older = null] = given['--checkpoint'].map((path) => readFile(path).toString())
    const trust = {
      keys: given['--key'].flatMap(keysOf),
      witnesses: given['--witness'].flatMap(keysOf),
      older,
    }
    const { lines, exitCode, verdict } = verifyBundle(readFile(given.files[0]), trust)
    // A proof comes from a stranger: nothing in it may steer the terminal.
    const all = [...lines.map(({ mark, words: said }) => `${mark.padEnd(6)}${said}`), verdict]
    process.stdout.write(all.map((line) => `${line.replace(/\p{C}/gu, '?')}\n`).join(''))
    return exitCode
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${error.message}\n${USAGE}\n`)
    return EXIT.usage
  }
}

if (
  process.argv[1] !== undefined &&
  realpathSync(process.argv[1]) === realpathSync(new URL(import.meta.url))
) {
  process.exitCode = main(process.argv.slice(2))
}
