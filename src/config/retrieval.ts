/** `sources`, `indexes` and `documents` of aval.yaml: their shape, and what the command line makes of them. */

import { z } from 'zod'

const NAME_RULE = 'a name of lower-case letters, digits and inner hyphens, at most 63 long'
const name = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, NAME_RULE)
const LANGUAGE = 'a language tag such as en or pt-BR'
const ADDRESS = 'an http:// or https:// address without a password'
const HOST = 'a host name such as wiki.corp, or an address'
const MODEL = '"upstream/model id", such as local/embed,'

const about = {
  language: z
    .string(LANGUAGE)
    .regex(/^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$/, LANGUAGE)
    .optional(),
  license: z.string().max(200).optional(),
}
const patterns = z.array(z.string().min(1).max(500)).max(100).optional()
const address = z.string(ADDRESS).max(2048).refine(isAddress, ADDRESS)
const from = ['path', 'urls', 'pushed'] as const

const source = z
  .strictObject({
    path: z.string().min(1).max(4096).optional(),
    urls: z.array(address).min(1).max(1000).optional(),
    pushed: z.literal(true, 'true').optional(),
    include: patterns,
    exclude: patterns,
    ...about,
  })
  .superRefine((given, context) => {
    if (from.filter((key) => given[key] !== undefined).length !== 1) {
      context.addIssue({ code: 'custom', message: 'an object with one of path, urls and pushed' })
    }
    for (const key of ['include', 'exclude'] as const) {
      if (given[key] === undefined || given.path !== undefined) continue
      context.addIssue({ code: 'custom', path: [key], message: 'nothing but beside path' })
    }
  })

const index = z.strictObject({
  source: name,
  embedding: z
    .string(MODEL)
    .regex(/^[a-z0-9][a-z0-9._-]*\/.+$/, MODEL)
    .max(300)
    .optional(),
  chunker: z
    .strictObject({
      kind: z.enum(['headings', 'sentences', 'tokens']).optional(),
      max_tokens: z.int().min(1).max(100_000).optional(),
      overlap_tokens: z.int().min(0).max(100_000).optional(),
    })
    .optional(),
  storage: z.enum(['vector', 'halfvec']).optional(),
  query_prefix: z.string().max(1000).optional(),
  document_prefix: z.string().max(1000).optional(),
})

/** The members of the file. */
export const retrievalShape = {
  sources: z.record(name, source).optional(),
  indexes: z.record(name, index).optional(),
  documents: z
    .strictObject({
      private_hosts: z
        .array(z.string(HOST).regex(/^[A-Za-z0-9.:-]{1,253}$/, HOST))
        .max(100)
        .optional(),
    })
    .optional(),
}

/** The part that the command line reads without the rest of the file, whose secrets it may not have. */
export const retrievalFile = z.object({ sources: retrievalShape.sources, indexes: retrievalShape.indexes })
export type RetrievalFile = z.infer<typeof retrievalFile>

/** As `POST /api/sources` and `POST /api/indexes` take them. */
export type DeclaredRetrieval = {
  sources: readonly Readonly<{ name: string; kind: string } & Record<string, unknown>>[]
  indexes: readonly Readonly<{ name: string; source: string } & Record<string, unknown>>[]
}

export function declaredRetrieval({ sources = {}, indexes = {} }: RetrievalFile): DeclaredRetrieval {
  return {
    sources: Object.entries(sources).map(([name, { pushed: _pushed, license, ...rest }]) => {
      const kind = rest.path !== undefined ? 'folder' : rest.urls !== undefined ? 'urls' : 'pushed'
      return { name, kind, ...rest, ...(license !== undefined && { licence: license }) }
    }),
    indexes: Object.entries(indexes).map(([name, rest]) => ({ name, ...rest })),
  }
}

function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}
