/**
 * docs/verify.mjs as an auditor uses it: a proof as it was made is intact; one in which anything was changed, taken
 * out or exchanged never is.
 */

import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildProofBundle, type ProofBundle, type RecordToProve } from '../../src/lib/proof-bundle.ts'
import { parseNote, signNote } from '../../src/lib/signed-note.ts'
import {
  busyLog,
  LOG,
  ProofLog,
  STRANGER,
  streamed,
  type Told,
  WITNESS,
  whole,
} from '../support/proof-log.ts'

type Result = { lines: { mark: 'ok' | 'FAIL' | 'note'; words: string }[]; exitCode: number; verdict: string }
type Trust = { keys: string[]; witnesses?: string[]; older?: string | null }
type Json = { [name: string]: unknown }

const SCRIPT = fileURLToPath(new URL('../../docs/verify.mjs', import.meta.url))
const INTACT = 0
const USAGE = 2
const ALTERED = 110
const INCOMPLETE = 111

let verifyBundle: (source: Buffer | string, trust: Trust) => Result
beforeAll(async () => {
  const script = (await import(SCRIPT)) as { verifyBundle: typeof verifyBundle }
  verifyBundle = script.verifyBundle
})

const log = busyLog()
const older = log.tree(7).checkpoint
const later = new ProofLog('wrt_2')
later.append(...streamed('req_z', 0), { type: 'erase', id: 'req_a', meta: { reason: 'asked' } })
later.append(...streamed('req_y', 1), { type: 'access', id: 'req_a', meta: { reason: 'asked' } })
later.append({ type: 'erase', id: null, meta: { requests: ['req_b', 'req_x'] } })

const [eraseRecord, eraseOfMany] = later.records.filter(({ type }) => type === 'erase') as [
  RecordToProve,
  RecordToProve,
]
const accessRecord = later.records.find(({ type }) => type === 'access')!
const bundle = buildProofBundle({
  requestId: 'req_a',
  records: log.of('req_a'),
  tree: log.tree(),
  olderSize: 7,
})
const erased = buildProofBundle({
  requestId: 'req_a',
  records: log.of('req_a').map(({ first: _, second: __, ...record }) => record),
  tree: log.tree(),
  erased: { record: eraseRecord, tree: later.tree() },
})
const wholeBundle = buildProofBundle({ requestId: 'req_x', records: log.of('req_x'), tree: log.tree() })

const trust: Trust = { keys: [LOG.key.text], witnesses: [WITNESS.key.text], older }
const withoutOlder: Trust = { ...trust, older: null }
const verify = (changed: unknown, by: Trust = trust) => verifyBundle(JSON.stringify(changed), by)
/** A copy to change. */
const copyOf = (one: ProofBundle) => JSON.parse(JSON.stringify(one)) as Json & { records: Json[] }
const marks = ({ lines }: Result, mark: string) => lines.filter((line) => line.mark === mark)

describe('a proof as it was made', () => {
  test('of a streamed request is intact, and every check has its line', () => {
    const result = verify(bundle)

    expect(marks(result, 'FAIL')).toEqual([])
    expect(result.exitCode).toBe(INTACT)
    expect(result.lines.map(({ words }) => words)).toEqual([
      'Checkpoint: log.example signed the 12 records of log.example/wrt_1, at 2026-11-03T12:00:10.000Z.',
      'Checkpoint: witness.example/w1 cosigned it at 2026-11-03T12:00:10.000Z.',
      'Older checkpoint: the log begins with the 7 records it signed at 2026-11-03T12:00:10.000Z.',
      'Record 1 (open): what it says is in the signed log, at its place.',
      'Record 3 (part): what it says is in the signed log, at its place.',
      'Record 5 (part): what it says is in the signed log, at its place.',
      'Record 7 (close): what it says is in the signed log, at its place.',
      'Record 1 (open): first body, 15 bytes, is what was recorded.',
      'Record 3 (part): first body, 24 bytes, is what was recorded.',
      'Record 5 (part): first body, 24 bytes, is what was recorded.',
      'Record 7 (close): first body, 20 bytes, is what was recorded.',
      'Request req_a: record 1 says how it began, record 7 how it ended.',
    ])
  })

  test('of a refused request, which is one record with two bodies, is intact', () => {
    const result = verify(wholeBundle, withoutOlder)

    expect(result.exitCode).toBe(INTACT)
    expect(marks(result, 'ok').map(({ words }) => words)).toEqual(
      expect.arrayContaining([expect.stringContaining('second body, 2 bytes')]),
    )
  })

  test('of an erased request says that the bodies are gone, and that the erasure is on the log', () => {
    const result = verify(erased, withoutOlder)

    expect(result.exitCode).toBe(INTACT)
    expect(marks(result, 'note')).toHaveLength(4)
    expect(marks(result, 'note')[0]!.words).toMatch(
      /first body not included, erased by record 2; its SHA-256 is/,
    )
    expect(result.lines.map(({ words }) => words)).toContain(
      'Record 2 (erase): the erasure is itself on the log.',
    )
  })

  test('of a request erased together with others is intact', () => {
    expect(verify(erasedBy('req_x', eraseOfMany), withoutOlder).exitCode).toBe(INTACT)
  })

  test('without bodies is intact, and says what it could not check', () => {
    const { erased: _, ...without } = erased

    const result = verify(without, withoutOlder)

    expect(result.exitCode).toBe(INTACT)
    expect(marks(result, 'note')[0]!.words).toContain('first body not included; its SHA-256 is')
  })

  test('of every request of logs of every size is intact', () => {
    const grown = new ProofLog('wrt_1')
    for (let at = 0; at < 12; at += 1) {
      grown.append(...streamed(`req_${at}`, at % 4))
      const tree = grown.tree()
      for (let asked = 0; asked <= at; asked += 1) {
        const id = `req_${asked}`
        const olderSize = 1 + ((asked * 5) % grown.records.length)
        const made = buildProofBundle({ requestId: id, records: grown.of(id), tree, olderSize })

        const result = verify(made, { ...trust, older: grown.tree(olderSize).checkpoint })

        expect(marks(result, 'FAIL')).toEqual([])
        expect(result.exitCode).toBe(INTACT)
      }
    }
  })
})

/** Every value of a JSON document, by its way there; those the script does not have to look at are not among them. */
function placesOf(value: unknown, way: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [way]
  return Object.entries(value).flatMap(([name, held]) =>
    placesOf(held, [...way, Array.isArray(value) ? Number(name) : name]),
  )
}

function changedAt(document: unknown, way: (string | number)[], change: (held: unknown) => unknown): unknown {
  const copy = structuredClone(document) as Json
  let holder = copy
  for (const name of way.slice(0, -1)) holder = holder[name] as Json
  const last = way.at(-1)!
  holder[last] = change(holder[last])
  return copy
}

const tampered: [string, unknown, Trust][] = []
for (const [name, document, by] of [
  ['streamed', bundle, trust],
  ['erased', erased, withoutOlder],
  ['whole', wholeBundle, withoutOlder],
] as const) {
  for (const way of placesOf(document)) {
    const where = `${name}: ${way.join('.')}`
    const other = (held: unknown) => {
      if (typeof held === 'number') return held + 1
      if (typeof held === 'string' && held !== '')
        return `${held.slice(0, -1)}${held.endsWith('A') ? 'B' : 'A'}`
      return 'a'.repeat(64)
    }
    tampered.push([`${where} changed`, changedAt(document, way, other), by])
    tampered.push([`${where} emptied`, changedAt(document, way, (held) => (held === '' ? ' ' : '')), by])
    tampered.push([`${where} of another kind`, changedAt(document, way, (held) => [held]), by])
  }
}
for (let one = 0; one < bundle.records.length; one += 1) {
  const dropped = copyOf(bundle)
  dropped.records.splice(one, 1)
  tampered.push([`record ${one} dropped`, dropped, trust])
  const doubled = copyOf(bundle)
  doubled.records.splice(one, 0, doubled.records[one]!)
  tampered.push([`record ${one} doubled`, doubled, trust])
  for (let other = 0; other < bundle.records.length; other += 1) {
    if (other === one) continue
    const swapped = copyOf(bundle)
    swapped.records[one] = copyOf(bundle).records[other]!
    swapped.records[other] = copyOf(bundle).records[one]!
    tampered.push([`records ${one} and ${other} swapped`, swapped, trust])
    for (const field of ['type', 'seq', 'wall_ms', 'meta', 'first_sha256', 'first', 'proof']) {
      const mixed = copyOf(bundle)
      if (JSON.stringify(mixed.records[one]![field]) === JSON.stringify(mixed.records[other]![field]))
        continue
      mixed.records[one]![field] = mixed.records[other]![field]
      tampered.push([`${field} of record ${one} taken from ${other}`, mixed, trust])
    }
  }
}
const foreign = busyLog()
foreign.append(...streamed('req_d', 0))
for (const [name, checkpoint] of [
  ['of a shorter tree', log.tree(9).checkpoint],
  ['of a longer tree', foreign.tree().checkpoint],
  ['of the older tree', older],
  ['of another writer', later.tree().checkpoint],
  ['by a stranger', log.tree(12, STRANGER).checkpoint],
  ['that is none', 'hello\n'],
  ['without a signature', bundle.checkpoint.split('\n\n')[0]],
  ['with another size', bundle.checkpoint.replace('\n12\n', '\n11\n')],
] as const) {
  tampered.push([`a checkpoint ${name}`, { ...bundle, checkpoint }, trust])
}
for (const name of ['format', 'origin', 'request_id', 'writer', 'records', 'checkpoint', 'consistency']) {
  const { [name]: _, ...without } = copyOf(bundle)
  tampered.push([`no ${name}`, without, trust])
}
for (const name of Object.keys(bundle.records[0]!).filter((one) => one !== 'first')) {
  const without = copyOf(bundle)
  delete without.records[0]![name]
  tampered.push([`a record without ${name}`, without, trust])
}
tampered.push(
  ['another request named', { ...bundle, request_id: 'req_b' }, trust],
  ['a field nobody knows', { ...bundle, note: 'trust me' }, trust],
  ['the records of another request', { ...bundle, records: wholeBundle.records }, trust],
  ['the story of two requests', { ...bundle, records: [...wholeBundle.records, ...bundle.records] }, trust],
  ['an erasure of another request', erasedBy('req_b', eraseRecord), withoutOlder],
  ['an erasure of many that are others', erasedBy('req_a', eraseOfMany), withoutOlder],
  ['a record of access as an erasure', erasedBy('req_a', accessRecord), withoutOlder],
  ['no document', null, trust],
  ['another document', [bundle], trust],
  ['the key of a stranger', bundle, { ...trust, keys: [STRANGER.key.text] }],
  ['a witness who has not signed', bundle, { ...trust, witnesses: [strangerWitness()] }],
  ['an older checkpoint of another history', bundle, { ...trust, older: otherHistory() }],
  ['an older checkpoint of another size', bundle, { ...trust, older: log.tree(6).checkpoint }],
  ['an older checkpoint that is newer', bundle, { ...trust, older: foreign.tree().checkpoint }],
  ['an older checkpoint by a stranger', bundle, { ...trust, older: log.tree(7, STRANGER).checkpoint }],
  ['an older checkpoint of another writer', bundle, { ...trust, older: busyLog('wrt_9').tree(7).checkpoint }],
)

function erasedBy(requestId: string, record: RecordToProve): ProofBundle {
  const erasure = { record, tree: later.tree() }
  return buildProofBundle({ requestId, records: log.of(requestId), tree: log.tree(), erased: erasure })
}

function strangerWitness(): string {
  return 'witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv'
}

function otherHistory(): string {
  const rewritten = new ProofLog('wrt_1')
  rewritten.append(...streamed('req_q', 9))
  return rewritten.tree(7).checkpoint
}

describe('a proof that was tampered with', () => {
  test('is tried in hundreds of ways', () => {
    expect(tampered.length).toBeGreaterThan(400)
    expect(new Set(tampered.map(([name]) => name)).size).toBe(tampered.length)
  })

  test('is never intact', () => {
    const passed = tampered.filter(
      ([, document, by]) => ![ALTERED, INCOMPLETE].includes(verify(document, by).exitCode),
    )

    expect(passed.map(([name]) => name)).toEqual([])
  })

  test.each([
    ['the proof', bundle, trust],
    ['the proof of an erased request', erased, withoutOlder],
  ] as const)('with any bit of the file of %s changed is never intact', (_, document, by) => {
    const bytes = Buffer.from(JSON.stringify(document))

    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const changed = Buffer.from(bytes)
        changed[bit >> 3]! ^= 1 << (bit & 7)

        expect([ALTERED, INCOMPLETE]).toContain(verifyBundle(changed, by).exitCode)
      }),
      { numRuns: 1500 },
    )
  })

  test('in which half a character stands for the sign of a broken one is never intact', () => {
    const strange = new ProofLog('wrt_1')
    strange.append({
      type: 'whole',
      id: 'r',
      meta: { open: { id: 'r' }, close: { id: 'r' }, text: '\ufffd' },
    })
    const made = buildProofBundle({ requestId: 'r', records: strange.records, tree: strange.tree() })
    const text = JSON.stringify(made)

    expect(verifyBundle(text, withoutOlder).exitCode).toBe(INTACT)
    expect(verifyBundle(text.replace('\ufffd', '\\ud800'), withoutOlder).exitCode).toBe(ALTERED)
  })

  test('cut off anywhere is never intact', () => {
    const text = JSON.stringify(bundle)

    fc.assert(
      fc.property(fc.nat(text.length - 1), (length) => {
        expect(verifyBundle(text.slice(0, length), trust).exitCode).toBe(ALTERED)
      }),
    )
  })

  test.each([
    ['its OPEN', 0],
    ['a PART', 1],
    ['its CLOSE', 3],
  ])('that lacks %s is incomplete, not altered', (_, at) => {
    const dropped = copyOf(bundle)
    dropped.records.splice(at, 1)

    expect(verify(dropped).exitCode).toBe(INCOMPLETE)
  })

  test('that lacks a cosignature, or the way from the older checkpoint, is incomplete', () => {
    const { consistency: _, ...without } = bundle

    expect(verify(without).exitCode).toBe(INCOMPLETE)
    expect(verify(bundle, { ...trust, witnesses: [strangerWitness()] }).exitCode).toBe(INCOMPLETE)
  })

  test('whose file was written by another program with more spaces is still intact', () => {
    expect(verifyBundle(JSON.stringify(bundle, null, 4), trust).exitCode).toBe(INTACT)
  })

  test('with an end that does not say how many parts there are says so', () => {
    const silent = new ProofLog('wrt_1')
    silent.append(
      { type: 'open', id: 'req_a', meta: { id: 'req_a' } },
      { type: 'close', id: 'req_a', meta: { id: 'req_a' } },
    )
    const made = buildProofBundle({ requestId: 'req_a', records: silent.records, tree: silent.tree() })

    const result = verify(made, withoutOlder)

    expect(result.exitCode).toBe(INTACT)
    expect(marks(result, 'note').map(({ words }) => words)).toEqual([
      'Request req_a: its end does not say how many parts of the answer there are; 0 are here.',
    ])
  })
})

describe('a log that was signed with a false story', () => {
  const [open, part, close] = streamed('req_a', 1) as [Told, Told, Told]
  const [one] = whole('req_a') as [Told]

  test.each<[string, Told[]]>([
    ['an end before its beginning', [close, part, open]],
    ['a part after its end', [open, close, part]],
    ['a part before its beginning', [part, open, close]],
    ['two ends', [open, part, close, close]],
    ['two beginnings', [open, open, part, close]],
    ['both one record and several', [one, open, part, close]],
    ['a beginning that names another request', [{ ...open, meta: { id: 'req_b' } }, part, close]],
    ['an end that names another request', [open, part, { ...close, meta: { id: 'req_b', parts: 1 } }]],
    ['an end that says nothing', [open, part, { ...close, meta: null }]],
    [
      'one record whose end is another’s',
      [{ ...one, meta: { open: { id: 'req_a' }, close: { id: 'req_b' } } }],
    ],
    ['one record without an end', [{ ...one, meta: { open: { id: 'req_a' }, close: null } }]],
  ])('does not pass with %s', (_, told) => {
    const lying = new ProofLog('wrt_1')
    lying.append(...told)
    const made = buildProofBundle({ requestId: 'req_a', records: lying.records, tree: lying.tree() })

    const result = verify(made, withoutOlder)

    expect(result.exitCode).toBe(ALTERED)
    expect(marks(result, 'FAIL').map(({ words }) => words)).toEqual([expect.stringMatching(/^Request: /)])
  })

  test('does not pass with a size that is not that of the tree', () => {
    const four = new ProofLog('wrt_1')
    four.append(...streamed('req_a', 2))
    const made = buildProofBundle({ requestId: 'req_a', records: four.records, tree: four.tree() })
    const text = parseNote(made.checkpoint).text.replace('\n4\n', '\n8\n')

    const result = verify({ ...made, checkpoint: signNote(text, LOG) }, { keys: [LOG.key.text] })

    expect(result.exitCode).toBe(ALTERED)
    expect(marks(result, 'FAIL')).toHaveLength(4)
  })

  test('does not pass with fewer or more parts than its end says', () => {
    for (const parts of [0, 2]) {
      const lying = new ProofLog('wrt_1')
      lying.append(open, part, { ...close, meta: { id: 'req_a', parts } })
      const made = buildProofBundle({ requestId: 'req_a', records: lying.records, tree: lying.tree() })

      expect(verify(made, withoutOlder).exitCode).toBe(INCOMPLETE)
    }
  })
})

describe('the command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aval-verify-'))
  const path = (name: string) => join(folder, name)
  const script = path('verify.mjs')
  beforeAll(() => {
    // Away from the repository: it must not need anything of it.
    cpSync(SCRIPT, script)
    writeFileSync(path('proof.json'), JSON.stringify(bundle))
    writeFileSync(path('altered.json'), JSON.stringify({ ...bundle, request_id: 'req_\u001b[31mb' }))
    writeFileSync(path('incomplete.json'), JSON.stringify({ ...bundle, records: bundle.records.slice(1) }))
    writeFileSync(path('older.txt'), older)
    writeFileSync(path('keys.txt'), `# the log\n${LOG.key.text}\n\n`)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  async function run(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, ...words], { env: {} })
      return { code: 0, stdout, stderr }
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
      return { code, stdout, stderr }
    }
  }

  test('prints a line for each check and a verdict, and ends with 0 for an intact proof', async () => {
    const { code, stdout } = await run(
      path('proof.json'),
      ...['--key', path('keys.txt'), '--witness', WITNESS.key.text, '--checkpoint', path('older.txt')],
    )

    expect(code).toBe(INTACT)
    expect(stdout.split('\n').filter((line) => line.startsWith('ok    '))).toHaveLength(12)
    expect(stdout).toMatch(/\nINTACT: this is what was logged and signed\.\n$/)
  })

  test('ends with 110 for an altered proof, and lets nothing in it steer the terminal', async () => {
    const { code, stdout } = await run(path('altered.json'), '--key', LOG.key.text)

    expect(code).toBe(ALTERED)
    expect(stdout).toContain('FAIL  ')
    expect(stdout).toContain('req_?[31mb')
    expect(stdout).not.toContain('\u001b')
  })

  test('ends with 111 for an incomplete one', async () => {
    const { code, stdout } = await run(path('incomplete.json'), '--key', LOG.key.text)

    expect(code).toBe(INCOMPLETE)
    expect(stdout).toContain('FAIL  Request req_a: the record of how it began is missing.')
  })

  test.each([
    ['no key', ['proof.json']],
    ['a key that is none', ['proof.json', '--key', 'log.example']],
    [
      'a key whose id is not its own',
      ['proof.json', '--key', LOG.key.text.replace(/\+.{8}\+/, '+00000000+')],
    ],
    ['a witness as the log', ['proof.json', '--key', WITNESS.key.text]],
    ['the log as a witness', ['proof.json', '--key', LOG.key.text, '--witness', LOG.key.text]],
    ['no file', ['--key', LOG.key.text]],
    ['a file that is not there', ['gone.json', '--key', LOG.key.text]],
    ['an option it does not have', ['proof.json', '--key', LOG.key.text, '--force', 'yes']],
    ['an option without its value', ['proof.json', '--key']],
  ])('with %s ends with 2 and says how it is used', async (_, words) => {
    const { code, stderr } = await run(...words.map((word) => (word.endsWith('.json') ? path(word) : word)))

    expect(code).toBe(USAGE)
    expect(stderr).toContain('Usage: node verify.mjs proof.json --key')
  })

  test('imports nothing but what Node brings', () => {
    const imports = [...readFileSync(SCRIPT, 'utf8').matchAll(/\bfrom '([^']+)'|\bimport\(/g)]

    expect(imports.map(([, name]) => name)).toEqual(['node:crypto', 'node:fs'])
  })
})
