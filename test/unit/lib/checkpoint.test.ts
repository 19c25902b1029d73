/** Checkpoints and cosignatures, by the examples of the specifications and by one of a public log with its witness. */

import { createPublicKey, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Checkpoint,
  checkpointDigest,
  formatCheckpoint,
  parseCheckpoint,
  parseTreeHead,
} from '../../../src/lib/checkpoint.ts'
import { cosign, cosigner, verifyCosignatures } from '../../../src/lib/cosignature.ts'
import { generatePrivateKey } from '../../../src/lib/ed25519.ts'
import { NoteError, type NoteReason } from '../../../src/lib/note-error.ts'
import {
  formatNote,
  noteSigner,
  parseNote,
  signatureBy,
  signNote,
  verifyNote,
} from '../../../src/lib/signed-note.ts'
import { parseVerifierKey } from '../../../src/lib/verifier-key.ts'

function reasonOf(run: () => unknown): NoteReason | 'accepted' {
  try {
    run()
  } catch (error) {
    if (error instanceof NoteError) return error.reason
    throw error
  }
  return 'accepted'
}

const checkpoint: Checkpoint = {
  origin: 'log.example/wrt_1',
  size: 12,
  root: Buffer.alloc(32, 1),
  chain: Buffer.alloc(32, 2),
  timeMs: Date.UTC(2026, 10, 3, 12, 30, 0, 5),
  previous: 'a'.repeat(64),
}
const TEXT = `log.example/wrt_1
12
AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
chain AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=
time 2026-11-03T12:30:00.005Z
previous ${'a'.repeat(64)}
`

describe('a checkpoint', () => {
  test('is three lines of the standard and three of ours', () => {
    expect(formatCheckpoint(checkpoint)).toBe(TEXT)
    expect(parseCheckpoint(TEXT)).toEqual(checkpoint)
  })

  test('reads back as written', () => {
    const aHash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
    const any = fc.record<Checkpoint>({
      origin: fc.constantFrom('a', 'log.example/wrt_1', 'größe'),
      size: fc.maxSafeNat(),
      root: aHash,
      chain: aHash,
      timeMs: fc.date({ noInvalidDate: true }).map((date) => date.getTime()),
      previous: fc.option(aHash.map((bytes) => bytes.toString('hex'))),
    })

    fc.assert(
      fc.property(any, (one) => {
        expect(parseCheckpoint(formatCheckpoint(one))).toEqual(one)
      }),
    )
  })

  test('of another log is read without its extensions being understood', () => {
    const { origin, size, extensions } = parseTreeHead(`other.example\n0\n${'A'.repeat(43)}=\nany thing\n`)

    expect({ origin, size, extensions }).toEqual({
      origin: 'other.example',
      size: 0,
      extensions: ['any thing'],
    })
  })

  test.each([
    ['without its last newline', TEXT.slice(0, -1)],
    ['without an origin', TEXT.replace('log.example/wrt_1', '')],
    ['with a size that starts with zero', TEXT.replace('\n12\n', '\n012\n')],
    ['with a negative size', TEXT.replace('\n12\n', '\n-1\n')],
    ['with a size past what numbers hold', TEXT.replace('\n12\n', '\n9007199254740993\n')],
    ['with an empty size', TEXT.replace('\n12\n', '\n\n')],
    ['with a root of 31 bytes', TEXT.replace(/AQEB.*/, Buffer.alloc(31).toString('base64'))],
    ['with loose bits at the end of the root', TEXT.replace('AQE=', 'AQF=')],
    ['with an empty line', TEXT.replace('chain', '\nchain')],
    ['with its extensions in another order', TEXT.replace(/(chain .*\n)(time .*\n)/, '$2$1')],
    ['without one of them', TEXT.replace(/previous .*\n/, '')],
    ['with one more', `${TEXT}more\n`],
    ['with a time in another zone', TEXT.replace('005Z', '005+01:00')],
    ['with a day that does not exist', TEXT.replace('11-03', '11-31')],
    ['with an empty time', TEXT.replace(/time .*/, 'time ')],
    ['with a time that is none', TEXT.replace(/time .*/, 'time never')],
    ['with a short digest', TEXT.replace('previous a', 'previous ')],
    ['with no text', ''],
  ])('%s is malformed', (_, text) => {
    expect(text).not.toBe(TEXT)
    expect(reasonOf(() => parseCheckpoint(text))).toBe('malformed')
  })

  test.each<[string, Partial<Checkpoint>, NoteReason]>([
    ['an origin of two words', { origin: 'a b' }, 'bad_name'],
    ['an origin of two lines', { origin: 'a\n5' }, 'bad_name'],
    ['half a leaf', { size: 0.5 }, 'malformed'],
    ['a root of another length', { root: Buffer.alloc(31) }, 'malformed'],
    ['no time', { timeMs: Number.NaN }, 'malformed'],
    ['another text as previous', { previous: 'a\nb' }, 'malformed'],
  ])('is not written with %s', (_, change, reason) => {
    expect(reasonOf(() => formatCheckpoint({ ...checkpoint, ...change }))).toBe(reason)
  })

  test('names the one before by the digest of its signed text', () => {
    // printf 'a signed note' | sha256sum
    expect(checkpointDigest('a signed note')).toBe(
      '91c6f669496adb6648b8aeeffec265d3002081d83d38a094339344902bfac6a5',
    )
  })
})

/** A checkpoint of the log arche2025h1 (staging), signed in two ways by the log and cosigned by four witnesses. */
const REAL = `arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
`
const REAL_LOG = parseVerifierKey(
  'arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f',
)
const REAL_WITNESSES = [
  'transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM',
  'witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO',
  'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2',
  'witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv',
].map(parseVerifierKey)

describe('the checkpoint of a public log', () => {
  test('verifies by its key, next to a signature of another kind under the same name', () => {
    const { text, signers } = verifyNote(REAL, [REAL_LOG])

    expect(signers).toEqual([REAL_LOG])
    expect(parseTreeHead(text).size).toBe(1_432_088_532)
  })

  test('verifies by each of its witnesses', () => {
    const cosignatures = verifyCosignatures(REAL, REAL_WITNESSES)

    expect(cosignatures.map(({ key }) => key)).toEqual(REAL_WITNESSES)
    expect(new Set(cosignatures.map(({ timeSeconds }) => timeSeconds))).toEqual(new Set([1_779_573_024]))
  })

  test('with another size verifies by none', () => {
    const changed = REAL.replace('1432088532', '1432088533')

    expect(reasonOf(() => verifyNote(changed, [REAL_LOG]))).toBe('bad_signature')
    for (const witness of REAL_WITNESSES) {
      expect(reasonOf(() => verifyCosignatures(changed, [witness]))).toBe('bad_signature')
    }
  })
})

describe('a cosignature', () => {
  const log = noteSigner('log.example', generatePrivateKey())
  const witness = cosigner('witness.example/w1', generatePrivateKey())
  const signed = signNote(TEXT, log)

  test('of the specification is a key id, a time and 64 bytes', () => {
    const note = parseNote(
      `${TEXT}\n— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n`,
    )

    const [signature] = note.signatures
    expect(signature!.keyId).toBe('8d66cf3f')
    expect(signature!.bytes).toHaveLength(8 + 64)
    expect(signature!.bytes.readBigUInt64BE()).toBe(1_679_315_147n)
  })

  test('stands behind the log’s own signature and leaves it valid', () => {
    const cosigned = cosign(signed, witness, 1_679_315_147)

    expect(cosigned.startsWith(signed)).toBe(true)
    expect(verifyNote(cosigned, [log.key]).text).toBe(TEXT)
    expect(verifyCosignatures(cosigned, [witness.key])).toEqual([
      { key: witness.key, timeSeconds: 1_679_315_147 },
    ])
  })

  test('signs the two lines of the specification and the body, as Node checks it', () => {
    const [, signature] = parseNote(cosign(signed, witness, 1_679_315_147)).signatures

    const message = Buffer.from(`cosignature/v1\ntime 1679315147\n${TEXT}`)
    const publicKey = createPublicKey(witness.privateKey)
    expect(verify(null, message, publicKey, signature!.bytes.subarray(8))).toBe(true)
  })

  test('made again replaces the one before', () => {
    const cosigned = cosign(cosign(signed, witness, 1), witness, 2)

    expect(parseNote(cosigned).signatures).toHaveLength(2)
    expect(verifyCosignatures(cosigned, [witness.key])).toEqual([{ key: witness.key, timeSeconds: 2 }])
  })

  test('is not missed where there is none', () => {
    expect(verifyCosignatures(signed, [witness.key])).toEqual([])
  })

  test('with any bit of it changed is refused, or no longer by the witness', () => {
    const cosigned = Buffer.from(cosign(signed, witness, 1_679_315_147))

    fc.assert(
      fc.property(
        fc.integer({ min: Buffer.byteLength(signed), max: cosigned.length - 1 }),
        fc.nat(7),
        (at, bit) => {
          const changed = Buffer.from(cosigned)
          changed[at]! ^= 1 << bit

          let found: unknown[] = []
          const reason = reasonOf(() => {
            found = verifyCosignatures(changed, [witness.key])
          })

          if (reason === 'accepted') expect(found).toEqual([])
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('at a time past what numbers hold is refused', () => {
    const timed = (seconds: bigint) => {
      const time = Buffer.alloc(8)
      time.writeBigUInt64BE(seconds)
      const message = Buffer.from(`cosignature/v1\ntime ${seconds}\n${TEXT}`)
      const bytes = Buffer.concat([time, sign(null, message, witness.privateKey)])
      return formatNote({ text: TEXT, signatures: [signatureBy(witness.key, bytes)] })
    }

    expect(verifyCosignatures(timed(2n ** 53n - 1n), [witness.key])).toHaveLength(1)
    expect(reasonOf(() => verifyCosignatures(timed(2n ** 53n), [witness.key]))).toBe('bad_signature')
  })

  test('does not count as the log’s signature, nor the log’s as a cosignature', () => {
    const shared = generatePrivateKey()
    const asLog = noteSigner('same.example', shared)
    const asWitness = cosigner('same.example', shared)

    expect(reasonOf(() => verifyNote(cosign(signed, asWitness, 1), [asLog.key]))).toBe('unsigned')
    expect(verifyCosignatures(signNote(TEXT, asLog), [asWitness.key])).toEqual([])
    expect(reasonOf(() => verifyCosignatures(signed, [log.key]))).toBe('wrong_algorithm')
    expect(reasonOf(() => cosign(signed, log, 1))).toBe('wrong_algorithm')
  })

  test('is not given to a note that is no checkpoint, nor at half a second', () => {
    expect(reasonOf(() => cosign(signNote('hello\n', log), witness, 1))).toBe('malformed')
    expect(() => cosign(signed, witness, 1.5)).toThrow(RangeError)
  })
})
