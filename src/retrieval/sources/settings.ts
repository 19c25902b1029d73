/** What a source is told: where its documents are and what holds for all of them. */

import { z } from 'zod'

const MAX_PATTERNS = 100
const MAX_URLS = 1_000
const about = {
  /** BCP 47, for documents that do not say it themselves: it decides stems and stop words. */
  language: z
    .string()
    .regex(/^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$/, 'Write a language tag such as en or pt-BR.')
    .nullable()
    .default(null),
  licence: z.string().max(200).nullable().default(null),
}
const patterns = z.array(z.string().min(1).max(500)).max(MAX_PATTERNS).default([])

export const folderSettings = z.strictObject({
  /** Absolute, or relative to where the worker started. */
  path: z.string().min(1).max(4096),
  include: patterns,
  exclude: patterns,
  ...about,
})
export const urlsSettings = z.strictObject({
  urls: z
    .array(
      z
        .url({ protocol: /^https?$/, error: 'Write an http:// or https:// address.' })
        .max(2048)
        .refine(
          (url) => !/^https?:\/\/[^/?#]*@/i.test(url),
          'Leave user name and password out of the address.',
        ),
    )
    .min(1)
    .max(MAX_URLS),
  ...about,
})
export const pushedSettings = z.strictObject(about)

export const sourceSettings = { folder: folderSettings, urls: urlsSettings, pushed: pushedSettings } as const

export type FolderSettings = z.infer<typeof folderSettings>
export type UrlsSettings = z.infer<typeof urlsSettings>
/** What every kind has. */
export type SourceAbout = z.infer<typeof pushedSettings>

export const sourceName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'Write lower-case letters, digits and inner hyphens, at most 63.',
  )
