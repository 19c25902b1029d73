/**
 * Prompts of Langfuse, as its API and its SDKs answer them, become prompt files. Pure. Of a prompt with several versions
 * the one labelled production is carried over, else the newest: history stays where it is.
 */

import { isJsonObject, type JsonObject } from '../../../lib/json.ts'
import { findForeign } from '../foreign-values.ts'
import { MESSAGES_SLOT } from '../prompt-content.ts'
import { type Draft, type Imported, type LeftOut, promptLeftOut, readSettings, toFiles } from './draft.ts'

type Version = { source: string; name: string; version: number; labels: readonly string[]; value: JsonObject }

/** Another prompt's text, put in by Langfuse before it answers, unless asked not to. */
const INCLUDE = /@@@langfusePrompt:/

/** `name` is that of the file, for sentences. Problems when it holds no prompts at all. */
export function importLangfuseExport(
  text: string,
  { name }: { name: string },
): Imported | { problems: readonly string[] } {
  const values = readValues(text)
  if (values === null) {
    return {
      problems: [
        `${name}: not JSON. It is a prompt, a list of prompts, {"data": […]}, or one prompt a line.`,
      ],
    }
  }
  const leftOut: LeftOut[] = []
  const versions = values.flatMap((value, at) => {
    const read = readVersion(value, `prompt ${at + 1}`)
    if ('name' in read) return [read]
    leftOut.push(read)
    return []
  })
  const drafts: Draft[] = []
  for (const all of Map.groupBy(versions, (one) => one.name).values()) {
    const chosen = choose(all)
    leftOut.push(...all.filter((one) => one !== chosen).map((one) => otherVersion(one, chosen)))
    const draft = toDraft(chosen, leftOut)
    if (draft !== null) drafts.push(draft)
  }
  return toFiles(drafts, leftOut)
}

function readValues(text: string): unknown[] | null {
  const whole = parse(text)
  if (whole !== undefined) {
    if (Array.isArray(whole)) return whole
    if (!isJsonObject(whole)) return null
    const list = whole.data ?? whole.prompts
    return Array.isArray(list) ? list : [whole]
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const values = lines.map(parse)
  return values.includes(undefined) ? null : values
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function readVersion(value: unknown, place: string): Version | LeftOut {
  if (!isJsonObject(value) || typeof value.name !== 'string') {
    return promptLeftOut(place, 'it has no name. A prompt is {name, version, prompt, …}.')
  }
  const { name, version, labels } = value
  const source = `${name.slice(0, 80)}${typeof version === 'number' ? `, version ${version}` : ''}`
  if (value.prompt === undefined) {
    return promptLeftOut(
      source,
      'the list has no text of it. Export the answer of GET /api/public/v2/prompts/{name} instead.',
    )
  }
  return {
    source,
    name,
    version: typeof version === 'number' ? version : 0,
    labels: Array.isArray(labels) ? labels.filter((label) => typeof label === 'string') : [],
    value,
  }
}

function choose(versions: readonly Version[]): Version {
  const served = versions.filter(({ labels }) => labels.includes('production'))
  const among = served.length > 0 ? served : versions
  return among.reduce((best, one) => (one.version > best.version ? one : best))
}

function otherVersion({ source }: Version, { version, labels }: Version): LeftOut {
  const why = labels.includes('production') ? 'is labelled production' : 'is the newest'
  return {
    kind: 'other',
    what: source,
    count: 1,
    reason: `version ${version} is carried over, which ${why}.`,
  }
}

/** Null when it stands under what was left out. */
function toDraft({ source, name, labels, value }: Version, leftOut: LeftOut[]): Draft | null {
  const { prompt, config, tags } = value
  const messages = typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : messagesOf(prompt)
  const why = messages === null ? 'neither a text nor a list of messages.' : wrongWith(messages)
  if (messages === null || why !== null) {
    leftOut.push(promptLeftOut(source, why ?? ''))
    return null
  }
  const carried = readSettings(config, `${source}: config`)
  leftOut.push(...carried.leftOut)
  if (labels.some((label) => label !== 'latest')) {
    leftOut.push({
      kind: 'other',
      what: `${source}: labels`,
      count: labels.filter((label) => label !== 'latest').length,
      reason: 'labels belong to routes. Make a release with the prompt and set its label.',
    })
  }
  if (Array.isArray(tags) && tags.length > 0) {
    leftOut.push({
      kind: 'other',
      what: `${source}: tags`,
      count: tags.length,
      reason: 'prompts have no tags.',
    })
  }
  return { source, name, messages, settings: carried.settings }
}

function wrongWith(messages: readonly unknown[]): string | null {
  const foreign = findForeign(messages)
  if (foreign !== null || !INCLUDE.test(JSON.stringify(messages))) return foreign
  return 'it includes another prompt. Export it resolved, which is what the API answers without resolve=false.'
}

/** `chatmessage` is what Langfuse calls every message that is no placeholder. */
function messagesOf(prompt: unknown): unknown[] | null {
  if (!Array.isArray(prompt)) return null
  return prompt.map((message: unknown) => {
    if (!isJsonObject(message)) return message
    const { type, ...rest } = message
    if (type === 'placeholder') return MESSAGES_SLOT
    return type === 'chatmessage' ? rest : message
  })
}
