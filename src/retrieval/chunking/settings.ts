/** How text is cut. Part of an index version's identity: other settings are another index. */

import { z } from 'zod'
import { MAX_PIECE_TOKENS } from './tokens.ts'

const MAX_CHUNK_TOKENS = 8192

/**
 * `headings` keeps sections together, `sentences` whole sentences, `tokens` slides a window over words. `maxTokens` and
 * `overlapTokens` are counted by `countTokens`; an overlap over half a chunk would index everything twice.
 */
export const chunkerSettings = z
  .strictObject({
    kind: z.enum(['headings', 'sentences', 'tokens']).default('headings'),
    maxTokens: z.int().min(MAX_PIECE_TOKENS).max(MAX_CHUNK_TOKENS).default(320),
    overlapTokens: z.int().min(0).max(MAX_CHUNK_TOKENS).optional(),
  })
  .transform(({ overlapTokens, ...rest }) => ({
    ...rest,
    overlapTokens: overlapTokens ?? Math.min(40, Math.floor(rest.maxTokens / 8)),
  }))
  .refine(({ maxTokens, overlapTokens }) => overlapTokens * 2 <= maxTokens, {
    path: ['overlapTokens'],
    message: 'at most half of maxTokens is expected',
  })

export type ChunkerSettings = z.output<typeof chunkerSettings>
