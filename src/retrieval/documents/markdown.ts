/** Markdown: a front matter becomes metadata, the rest stays as its writer wrote it. */

import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { parseYaml } from '../../lib/yaml.ts'
import { cleanLanguage, cleanLine } from './clean-text.ts'
import { DocumentError } from './document-error.ts'
import { MAX_METADATA_CHARS, MAX_TITLE_CHARS } from './limits.ts'
import { cleanMetadata } from './metadata.ts'

export type MarkdownPage = {
  text: string
  title: string | null
  language: string | null
  metadata: JsonObject
}

/** `text` has `\n` line ends. Throws DocumentError `broken` when its front matter is no YAML, `too_large` when it is long. */
export function readMarkdown(text: string): MarkdownPage {
  const { matter, body } = splitFrontMatter(text)
  const { title, language, lang, ...rest } = matter
  return {
    text: body,
    title: cleanLine(textOf(title) ?? firstHeading(body) ?? '', MAX_TITLE_CHARS),
    language: cleanLanguage(textOf(language) ?? textOf(lang)),
    metadata: cleanMetadata(rest, 'The front matter'),
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** A document that begins with a line of dashes and no `name:` after it begins with a rule, not with a front matter. */
function splitFrontMatter(text: string): { matter: JsonObject; body: string } {
  const none = { matter: {}, body: text }
  const open = /^---[ \t]{0,99}\n(?=[\w-]{1,99}[ \t]{0,99}:)/.exec(text)
  if (open === null) return none
  const close = /\n(?:---|\.\.\.)[ \t]{0,99}(?:\n|$)/.exec(text.slice(0, MAX_METADATA_CHARS))
  if (close === null) {
    if (text.length <= MAX_METADATA_CHARS || !/\n(?:---|\.\.\.)[ \t]{0,99}\n/.test(text)) return none
    throw new DocumentError(
      'too_large',
      `The front matter is longer than ${MAX_METADATA_CHARS / 1024} KiB. Move what is long into the text.`,
    )
  }
  const read = parseYaml(text.slice(open[0].length, close.index), 'front matter')
  if ('problems' in read) {
    throw new DocumentError('broken', `The ${read.problems[0]} Mend it, or begin with an empty line.`)
  }
  if (!isJsonObject(read.value)) return none
  return { matter: read.value, body: text.slice(close.index + close[0].length) }
}

/** The title of a text that begins with `# Title`; a heading further down is a part's. */
function firstHeading(body: string): string | null {
  const line =
    body
      .slice(0, 4 * MAX_TITLE_CHARS)
      .trimStart()
      .split('\n', 1)[0] ?? ''
  return /^#[ \t]+(.+)$/.exec(line)?.[1]?.replace(/[ \t]#+[ \t]*$/, '') ?? null
}
