/** A promptfoo config becomes prompt files. Pure: files that the config names are read by whoever calls. */

import { isJsonObject, type JsonObject } from '../../../lib/json.ts'
import { parseYaml } from '../../../lib/yaml.ts'
import { findForeign } from '../foreign-values.ts'
import { type Draft, type Imported, type LeftOut, promptLeftOut, readSettings, toFiles } from './draft.ts'
import { fromNunjucks } from './nunjucks.ts'
import { promptEntries, promptTexts, type ReadBeside } from './promptfoo-prompts.ts'

/** What stands in a config beside its prompts, and where it goes. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  providers: 'which model answers is said by model versions and releases.',
  targets: 'which model answers is said by model versions and releases.',
  tests: 'imports carry over prompts; tests of answers are not among them.',
  defaultTest: 'imports carry over prompts; tests of answers are not among them.',
  scenarios: 'imports carry over prompts; tests of answers are not among them.',
  assertionTemplates: 'imports carry over prompts; tests of answers are not among them.',
  derivedMetrics: 'imports carry over prompts; tests of answers are not among them.',
  nunjucksFilters: 'prompts have no filters.',
}

/** `name` is that of the config's file, without its ending. Problems when it is no config. */
export function importPromptfoo(
  text: string,
  { name, readBeside }: { name: string; readBeside: ReadBeside },
): Imported | { problems: readonly string[] } {
  const read = parseYaml(text, name)
  if ('problems' in read) return read
  if (!isJsonObject(read.value))
    return { problems: [`${name}: not a promptfoo config. It is an object with "prompts".`] }
  const { prompts, description, ...rest } = read.value
  const leftOut: LeftOut[] = []
  const drafts: Draft[] = []
  for (const entry of promptEntries(prompts, leftOut)) {
    const texts = promptTexts(entry, readBeside)
    if (typeof texts === 'string') {
      leftOut.push(promptLeftOut(entry.source, texts))
      continue
    }
    const carried = readSettings(entry.settings, entry.source)
    leftOut.push(...carried.leftOut)
    for (const [at, one] of texts.entries()) {
      const number = texts.length > 1 ? `-${at + 1}` : ''
      const source = texts.length > 1 ? `${entry.source}, part ${at + 1}` : entry.source
      const messages = messagesOf(one)
      if (typeof messages === 'string') {
        leftOut.push(promptLeftOut(source, messages))
        continue
      }
      const own = entry.label ?? entry.name
      drafts.push({
        source,
        name: own === null ? `${name}-${drafts.length + 1}` : `${own}${number}`,
        ...(typeof description === 'string' &&
          description !== '' && { description: description.slice(0, 2000) }),
        messages,
        settings: carried.settings,
      })
    }
  }
  return toFiles(drafts, [...leftOut, ...othersOf(rest)])
}

function othersOf(rest: JsonObject): LeftOut[] {
  return Object.entries(rest).map(([what, value]) => ({
    kind: 'other',
    what: what.slice(0, 80),
    count: Array.isArray(value) ? value.length : 1,
    reason: Object.hasOwn(ELSEWHERE, what) ? (ELSEWHERE[what] ?? '') : 'it is no part of a prompt.',
  }))
}

/** The messages of a JSON chat, or one message of the user; or why there are none. */
function messagesOf(text: string): unknown[] | string {
  const chat = chatOf(text)
  if (typeof chat === 'string') return chat
  const foreign = findForeign(chat)
  if (foreign !== null) return foreign
  const messages = chat ?? [{ role: 'user', content: text.trim() }]
  let why: string | null = null
  const translate = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(translate)
    if (isJsonObject(value)) {
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, translate(member)]))
    }
    if (typeof value !== 'string') return value
    const made = fromNunjucks(value)
    if ('text' in made) return made.text
    why ??= made.why
    return value
  }
  const translated = messages.map(translate)
  return why ?? translated
}

/** A list of messages; null for a plain text; a sentence for a chat that is broken. */
function chatOf(text: string): unknown[] | null | string {
  if (!/^\s*\[\s*\{/.test(text) && !/^\s*\{\s*"messages"\s*:/.test(text)) return null
  // Outside of quotes, dump writes the quotes itself.
  const quoted = text.replace(/:\s*\{\{\s*([\w.]+)\s*\|\s*dump\s*(?:\|\s*safe\s*)?\}\}/g, ': "{{$1}}"')
  try {
    const value: unknown = JSON.parse(quoted)
    const list = isJsonObject(value) ? value.messages : value
    if (Array.isArray(list) && list.every((one) => isJsonObject(one) && 'role' in one)) return list
    return null
  } catch {
    // A chat as JSON that its tags make valid only when they are filled.
    return /"role"\s*:/.test(text)
      ? 'a chat that is not valid JSON before its tags are filled. Write it by hand.'
      : null
  }
}
