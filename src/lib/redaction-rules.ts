/** What redaction is told: which kinds of value it looks for and what becomes of each. Data only; `audit` acts on it. */

export const REDACTED_KINDS = ['provider_key', 'jwt', 'pem', 'card', 'iban', 'email', 'phone'] as const
export type RedactedKind = (typeof REDACTED_KINDS)[number]

/** `mask` leaves `[kind]`, `tokenise` a keyed digest, `drop` nothing of the whole body, `off` does not look. */
export const REDACTION_ACTIONS = ['mask', 'tokenise', 'drop', 'off'] as const
export type RedactionAction = (typeof REDACTION_ACTIONS)[number]

export type RedactionPattern = { name: string; regex: string; action: RedactionAction }

export type RedactionRules = {
  kinds: Readonly<Record<RedactedKind, RedactionAction>>
  patterns: readonly RedactionPattern[]
}

/**
 * Secrets and payment data have shapes that almost nothing else has, and no auditor needs their value. Addresses and
 * numbers of people are what an auditor searches a request by, so they stay until somebody decides otherwise.
 */
export const DEFAULT_KIND_ACTIONS: Readonly<Record<RedactedKind, RedactionAction>> = {
  provider_key: 'mask',
  jwt: 'mask',
  pem: 'mask',
  card: 'mask',
  iban: 'mask',
  email: 'off',
  phone: 'off',
}

/** The rules when nobody wrote any. */
export const DEFAULT_REDACTION: RedactionRules = { kinds: DEFAULT_KIND_ACTIONS, patterns: [] }
