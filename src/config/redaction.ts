/** `audit.redaction` of aval.yaml: its shape, and the rules it comes to. Patterns are compiled here once, to refuse them early. */

import { z } from 'zod'
import { compileLinearRegex } from '../lib/linear-regex.ts'
import {
  DEFAULT_KIND_ACTIONS,
  REDACTED_KINDS,
  REDACTION_ACTIONS,
  type RedactedKind,
  type RedactionRules,
} from '../lib/redaction-rules.ts'

/** Every pattern reads every body once. */
const MAX_PATTERNS = 20

/** Stands between brackets in place of what was found, so it must hold nothing that JSON escapes. */
const PATTERN_NAME = 'a name of lower-case letters, digits and "_", at most 32 long, that is no built-in kind'
const patternName = z
  .string()
  .refine((name) => /^[a-z][a-z0-9_]{0,31}$/.test(name) && !isKind(name), PATTERN_NAME)

const regex = z.string().superRefine((pattern, context) => {
  const compiled = compileLinearRegex(pattern)
  if ('expected' in compiled) context.addIssue({ code: 'custom', message: compiled.expected })
})

const action = z.enum(REDACTION_ACTIONS)

const patterns = z
  .array(z.strictObject({ name: patternName, regex, action: action.optional() }))
  .max(MAX_PATTERNS)
  .superRefine((list, context) => {
    for (const [index, { name }] of list.entries()) {
      if (list.findIndex((other) => other.name === name) === index) continue
      context.addIssue({ code: 'custom', path: [index, 'name'], message: 'a name that no other pattern has' })
    }
  })

export const redaction = z.strictObject({
  kinds: z
    .strictObject({
      provider_key: action.optional(),
      jwt: action.optional(),
      pem: action.optional(),
      card: action.optional(),
      iban: action.optional(),
      email: action.optional(),
      phone: action.optional(),
    } satisfies Record<RedactedKind, unknown>)
    .optional(),
  patterns: patterns.optional(),
})

/** The rules in force: what the file says, the defaults for the rest. */
export function resolveRedaction(file: z.infer<typeof redaction> | undefined): RedactionRules {
  const kinds: Record<RedactedKind, RedactionRules['kinds'][RedactedKind]> = { ...DEFAULT_KIND_ACTIONS }
  for (const kind of REDACTED_KINDS) kinds[kind] = file?.kinds?.[kind] ?? DEFAULT_KIND_ACTIONS[kind]
  const patterns = (file?.patterns ?? []).map((one) => ({ ...one, action: one.action ?? ('mask' as const) }))
  return { kinds, patterns }
}

function isKind(name: string): boolean {
  return REDACTED_KINDS.some((kind) => kind === name)
}
