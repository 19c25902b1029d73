/** Signed notes and verifier keys, by the examples of the specification, of Go's sumdb/note and of a public log. */

import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { generatePrivateKey, KeyError, privateKeyPem, readPrivateKey } from '../../../src/lib/ed25519.ts'
import { NoteError, type NoteReason } from '../../../src/lib/note-error.ts'
import { formatNote, noteSigner, parseNote, signNote, verifyNote } from '../../../src/lib/signed-note.ts'
import { ALGORITHM, parseVerifierKey, verifierKeyOf } from '../../../src/lib/verifier-key.ts'

/** https://c2sp.org/signed-note, "Verifier keys". */
const SPEC_KEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const SPEC_NOTE =
  'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'

/** golang.org/x/mod/sumdb/note, note_test.go. The seed is the key without its first byte. */
const PETER_KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const PETER_SEED = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').toString('base64', 1)
const ENOCH_KEY = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop'
const TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const PETER =
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
const ENOCH =
  '— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n'

const peter = parseVerifierKey(PETER_KEY)
const enoch = parseVerifierKey(ENOCH_KEY)

function reasonOf(run: () => unknown): NoteReason | 'accepted' {
  try {
    run()
  } catch (error) {
    if (error instanceof NoteError) return error.reason
    throw error
  }
  return 'accepted'
}

describe('the published examples', () => {
  test('of the specification verifies', () => {
    const { text, signers } = verifyNote(SPEC_NOTE, [parseVerifierKey(SPEC_KEY)])

    expect(text).toBe('This is an example message.\n')
    expect(signers.map((key) => key.text)).toEqual([SPEC_KEY])
  })

  test('of Go is signed again, byte for byte', () => {
    const signer = noteSigner('PeterNeumann', readPrivateKey(PETER_SEED))

    expect(signer.key.text).toBe(PETER_KEY)
    expect(signNote(TEXT, signer)).toBe(`${TEXT}\n${PETER}`)
  })

  test('of Go with two signatures verifies by either key, and the other is left aside', () => {
    const note = `${TEXT}\n${PETER}${ENOCH}`

    expect(verifyNote(note, [peter]).signers).toEqual([peter])
    expect(verifyNote(note, [enoch]).signers).toEqual([enoch])
    expect(verifyNote(Buffer.from(note), [enoch, peter]).signers).toEqual([peter, enoch])
  })

  test.each([
    ['without signatures', TEXT],
    ['with a blank line and no signatures', `${TEXT}\n`],
    ['without the last newline', `${TEXT}\n${PETER.slice(0, -1)}`],
    ['with a control character', `\x01${TEXT}\n${PETER}`],
    ['with a key name of two words', `${TEXT}\n${PETER.replace('PeterNeumann', 'Bad Name')}`],
    ['with another line among the signatures', `${TEXT}\n${PETER}Unexpected line.\n`],
    ['with a hyphen for the dash', `${TEXT}\n${PETER.replace('—', '-')}`],
    ['with loose bits at the end of the base64', `${TEXT}\n${PETER.replace('nAM=', 'nAN=')}`],
    ['with a signature of a key id alone', `${TEXT}\n— PeterNeumann x08gow==\n`],
    ['with a lone surrogate', `\ud800${TEXT}\n${PETER}`],
    ['with a carriage return', `${TEXT}\r\n${PETER}`],
  ])('%s is malformed', (_, note) => {
    expect(reasonOf(() => verifyNote(note, [peter]))).toBe('malformed')
  })

  test('in bytes that are no UTF-8 is malformed', () => {
    const note = Buffer.concat([Buffer.from([0xff]), Buffer.from(`${TEXT}\n${PETER}`)])

    expect(reasonOf(() => verifyNote(note, [peter]))).toBe('malformed')
  })
})

describe('a signed note', () => {
  const signer = noteSigner('log.example/a', generatePrivateKey())
  const other = noteSigner('log.example/b', generatePrivateKey())
  const aText = fc
    .string({ unit: fc.constantFrom('a', 'é', '—', ' ', '\n', '\n\n', '+'), maxLength: 30 })
    .map((text) => `${text}\n`)

  test('gives its text back, whatever blank lines it has', () => {
    fc.assert(
      fc.property(aText, (text) => {
        const note = signNote(text, signer)

        expect(verifyNote(note, [signer.key]).text).toBe(text)
        expect(formatNote(parseNote(note))).toBe(note)
      }),
    )
  })

  test('holds the signature over the text with its newline, as Node checks it', () => {
    const text = 'one\n\ntwo\n'

    const [signature] = parseNote(signNote(text, signer)).signatures

    const publicKey = createPublicKey(signer.privateKey)
    expect(verify(null, Buffer.from('one\n\ntwo\n'), publicKey, signature!.bytes)).toBe(true)
  })

  test('with any bit changed is refused', () => {
    const note = Buffer.from(signNote('origin\n7\nroot\n', signer))

    fc.assert(
      fc.property(fc.nat(note.length * 8 - 1), (bit) => {
        const changed = Buffer.from(note)
        changed[bit >> 3]! ^= 1 << (bit & 7)

        expect(reasonOf(() => verifyNote(changed, [signer.key]))).not.toBe('accepted')
      }),
      { numRuns: 2000 },
    )
  })

  test('by nobody known is unsigned, also when the name or the id alone is known', () => {
    const note = signNote('text\n', signer)
    const namesake = noteSigner('log.example/a', generatePrivateKey())

    expect(reasonOf(() => verifyNote(note, []))).toBe('unsigned')
    expect(reasonOf(() => verifyNote(note, [other.key]))).toBe('unsigned')
    expect(reasonOf(() => verifyNote(note, [namesake.key]))).toBe('unsigned')
  })

  test('with a false signature by a known key is refused, even next to a true one', () => {
    const [own] = parseNote(signNote('text\n', signer)).signatures
    const [foreign] = parseNote(signNote('another text\n', other)).signatures
    const note = formatNote({ text: 'text\n', signatures: [own!, foreign!] })

    expect(verifyNote(note, [signer.key]).signers).toEqual([signer.key])
    expect(reasonOf(() => verifyNote(note, [signer.key, other.key]))).toBe('bad_signature')
  })

  test('signed twice by one key has one signer', () => {
    const [own] = parseNote(signNote('text\n', signer)).signatures
    const note = formatNote({ text: 'text\n', signatures: [own!, own!] })

    expect(verifyNote(note, [signer.key, signer.key]).signers).toEqual([signer.key])
  })

  test('may have a hundred signatures, and no more', () => {
    const signed = (count: number) => `${TEXT}\n${PETER.repeat(count)}`

    expect(verifyNote(signed(100), [peter]).signers).toEqual([peter])
    expect(reasonOf(() => verifyNote(signed(101), [peter]))).toBe('too_large')
    expect(reasonOf(() => parseNote(`${'a'.repeat(2 ** 20)}\n\n${PETER}`))).toBe('too_large')
  })

  test('is not checked against two keys that share name and id, nor against a cosigner', () => {
    const twin = { ...other.key, name: signer.key.name, keyId: signer.key.keyId }
    const witness = verifierKeyOf('log.example/a', signer.privateKey, ALGORITHM.cosignatureV1)
    const note = signNote('text\n', signer)

    expect(reasonOf(() => verifyNote(note, [signer.key, twin]))).toBe('ambiguous_key')
    expect(reasonOf(() => verifyNote(note, [witness]))).toBe('wrong_algorithm')
  })

  test.each([
    ['no newline at its end', 'text'],
    ['nothing in it', ''],
    ['a tab', 'a\tb\n'],
  ])('is not made of a text with %s', (_, text) => {
    expect(reasonOf(() => signNote(text, signer))).toBe('malformed')
  })
})

describe('a verifier key', () => {
  test('reads back as written', () => {
    for (const text of [
      SPEC_KEY,
      PETER_KEY,
      ENOCH_KEY,
      'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2',
    ]) {
      expect(parseVerifierKey(text).text).toBe(text)
    }
  })

  test('whose base64 holds a plus is read whole', () => {
    expect(parseVerifierKey('TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6').name).toBe('TEST')
  })

  test('with anything cut off, or any character changed, is refused', () => {
    for (let from = 0; from <= PETER_KEY.length; from += 1) {
      for (let to = from + 1; to <= PETER_KEY.length; to += 1) {
        if (to - from < PETER_KEY.length) {
          expect(reasonOf(() => parseVerifierKey(PETER_KEY.slice(from, to)))).toBe('bad_key')
        }
      }
    }
    for (let at = 0; at < PETER_KEY.length; at += 1) {
      const next = String.fromCharCode(PETER_KEY.charCodeAt(at) + 1)
      const changed = PETER_KEY.slice(0, at) + next + PETER_KEY.slice(at + 1)
      expect(reasonOf(() => parseVerifierKey(changed))).toBe('bad_key')
    }
  })

  test.each([
    ['of another length', 'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=='],
    ['of another algorithm', 'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'],
    ['with a newline behind it', `${PETER_KEY}\n`],
    ['with a capital in its id', PETER_KEY.replace('c74f', 'C74F')],
  ])('%s is refused', (_, text) => {
    expect(reasonOf(() => parseVerifierKey(text))).toBe('bad_key')
  })

  test.each(['', 'a b', 'a+b', 'a\u2003b', 'a\nb', 'a\u0085b', '\ud800'])(
    'is not made under the name %j',
    (name) => {
      expect(reasonOf(() => noteSigner(name, generatePrivateKey()))).toBe('bad_name')
    },
  )
})

describe('a private key', () => {
  test('is read from PEM and from the base64 of its seed, and signs the same', () => {
    const key = generatePrivateKey()
    const seed = key.export({ format: 'der', type: 'pkcs8' }).subarray(16).toString('base64')

    const notes = [key, readPrivateKey(privateKeyPem(key)), readPrivateKey(`${seed}\n`)].map((one) =>
      signNote('text\n', noteSigner('a', one)),
    )

    expect(new Set(notes).size).toBe(1)
  })

  const secret = Buffer.alloc(31, 7).toString('base64')
  test.each([
    ['nothing', ''],
    ['a seed of 31 bytes', secret],
    ['a hex seed', '07'.repeat(32)],
    ['a PEM without a key', '-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----'],
    [
      'a key of another kind',
      generateKeyPairSync('ec', { namedCurve: 'P-256' })
        .privateKey.export({ format: 'pem', type: 'pkcs8' })
        .toString(),
    ],
    [
      'an encrypted key',
      generatePrivateKey()
        .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' })
        .toString(),
    ],
    [
      'a public key',
      createPublicKey(generatePrivateKey()).export({ format: 'pem', type: 'spki' }).toString(),
    ],
  ])('is not read from %s, and nothing of it is repeated', (_, text) => {
    const error = (() => {
      try {
        return readPrivateKey(text)
      } catch (caught) {
        return caught
      }
    })()

    expect(error).toBeInstanceOf(KeyError)
    for (const line of text.split('\n').filter((one) => one !== '')) {
      expect(String((error as Error).stack)).not.toContain(line)
    }
  })
})
