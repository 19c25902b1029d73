/** The data folder: made private, and the secrets that a first start generates into it. Nothing here is ever printed. */

import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { ConfigError } from './errors.ts'
import { generatePrivateKey, privateKeyPem } from './lib/ed25519.ts'
import { Secret } from './lib/secret.ts'

const SECRETS_FILE = 'secrets.json'
const CLIENT_FILE = 'cli.json'
const SIGNING_KEY_FILE = 'audit-signing-key.pem'
const PREVIOUS_SIGNING_KEY_FILE = 'audit-signing-key.previous.pem'
const VERIFIER_KEYS_FILE = 'audit-verifier-keys'
/** The audit key joins the file of an earlier version at its next start. */
const secretsFile = z.strictObject({ pepper: z.string().min(32), audit_key: z.string().min(32).optional() })
const clientFile = z.object({ url: z.string(), key: z.string().min(32) })

/** Makes the folder (mode 0700) and whatever is missing above it. Throws ConfigError when it cannot be written. */
export function openHome(home: string): void {
  try {
    makeFolder(home)
    chmodSync(home, 0o700)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'error'
    throw new ConfigError([
      `AVAL_HOME: the folder ${home} cannot be used (${code}). Choose another or mend its rights.`,
    ])
  }
}

/** One by one: Node's own recursive mkdir never returns below a file system that makes no folders, such as /proc. */
function makeFolder(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return
  if (dirname(path) !== path) makeFolder(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Another start made it this moment.
    if (!(existsSync(path) && statSync(path).isDirectory())) throw error
  }
}

/** The pepper under which keys are digested: the one brought along, or the one generated at the first start. */
export function loadPepper(home: string, brought: Secret | null): Secret {
  return brought ?? new Secret(loadSecrets(home).pepper, `file:${join(home, SECRETS_FILE)}`)
}

/** The key from which the audit log's own keys come: the one brought along, or the one generated at the first start. */
export function loadAuditKey(home: string, brought: Secret | null): Secret {
  return brought ?? new Secret(loadSecrets(home).audit_key, `file:${join(home, SECRETS_FILE)}`)
}

/** The same for who must not make one up: null when none was brought along and no first start has generated one. */
export function findAuditKey(home: string, brought: Secret | null): Secret | null {
  return brought === null && !existsSync(join(home, SECRETS_FILE)) ? null : loadAuditKey(home, brought)
}

/** The key that signs the log's heads, as PEM: the one brought along, or the one generated at the first start. */
export function loadSigningKey(home: string, brought: Secret | null): Secret {
  if (brought !== null) return brought
  const path = join(home, SIGNING_KEY_FILE)
  if (!existsSync(path)) writePrivateText(path, privateKeyPem(generatePrivateKey()))
  return new Secret(readFileSync(path, 'utf8'), `file:${path}`)
}

/** The same for who must not make one up: null when none was brought along and no first start has generated one. */
export function findSigningKey(home: string, brought: Secret | null): Secret | null {
  return brought === null && !existsSync(join(home, SIGNING_KEY_FILE)) ? null : loadSigningKey(home, brought)
}

/** The key before it, which vouches for it: brought along, or left by a rotation; null when there was none. */
export function loadPreviousSigningKey(home: string, brought: Secret | null): Secret | null {
  const path = join(home, PREVIOUS_SIGNING_KEY_FILE)
  if (brought !== null || !existsSync(path)) return brought
  return new Secret(readFileSync(path, 'utf8'), `file:${path}`)
}

/** Makes a new signing key and keeps the old one beside it. Takes effect at the next start. */
export function rotateSigningKey(home: string): void {
  const path = join(home, SIGNING_KEY_FILE)
  if (existsSync(path)) renameSync(path, join(home, PREVIOUS_SIGNING_KEY_FILE))
  writePrivateText(path, privateKeyPem(generatePrivateKey()))
}

/** Notes a public key that signs here, so that a later verification on this machine need not ask the database. */
export function rememberVerifierKey(home: string, verifierKey: string): void {
  const known = readVerifierKeys(home)
  if (known.includes(verifierKey)) return
  writePrivateText(join(home, VERIFIER_KEYS_FILE), `${[...known, verifierKey].join('\n')}\n`)
}

/** Every public key that has signed here, the oldest first. */
export function readVerifierKeys(home: string): string[] {
  const path = join(home, VERIFIER_KEYS_FILE)
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
}

function loadSecrets(home: string): { pepper: string; audit_key: string } {
  const path = join(home, SECRETS_FILE)
  const random = () => randomBytes(32).toString('base64url')
  if (!existsSync(path)) writePrivate(path, { pepper: random(), audit_key: random() })
  const parsed = secretsFile.safeParse(readJson(path))
  if (!parsed.success) {
    throw new ConfigError([
      `${path}: not a secrets file of Aval. Restore it from a backup; without it every stored key and every sealed body is void.`,
    ])
  }
  const { pepper, audit_key } = parsed.data
  if (audit_key !== undefined) return { pepper, audit_key }
  const completed = { pepper, audit_key: random() }
  writePrivate(path, completed)
  return completed
}

/** Leaves address and key for the command line of this machine's user (mode 0600). */
export function writeClientFile(home: string, client: { url: string; key: string }): void {
  writePrivate(join(home, CLIENT_FILE), client)
}

/** What `serve` left for the command line; null when there is nothing readable. */
export function readClientFile(home: string): { url: string; key: Secret } | null {
  const path = join(home, CLIENT_FILE)
  if (!existsSync(path)) return null
  const parsed = clientFile.safeParse(readJson(path))
  return parsed.success ? { url: parsed.data.url, key: new Secret(parsed.data.key, `file:${path}`) } : null
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new ConfigError([
      `${path}: cannot be read as JSON (${cause instanceof Error ? cause.message : 'error'}).`,
    ])
  }
}

/** Written beside and renamed, so that a crash leaves the old file or the new one. */
function writePrivate(path: string, value: unknown): void {
  writePrivateText(path, `${JSON.stringify(value, null, 2)}\n`)
}

function writePrivateText(path: string, text: string): void {
  const fresh = `${path}.new`
  writeFileSync(fresh, text, { mode: 0o600 })
  chmodSync(fresh, 0o600)
  renameSync(fresh, path)
}
