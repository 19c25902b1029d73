/** The prompts of a promptfoo config as texts, wherever they stand. Pure: files are read by whoever calls. */

import { isJsonObject } from '../../../lib/json.ts'
import { parseYaml } from '../../../lib/yaml.ts'
import { type LeftOut, promptLeftOut } from './draft.ts'

/** The text of a file beside the config, or why it is not read. */
export type ReadBeside = (path: string) => { text: string } | { why: string }

export type PromptEntry = {
  source: string
  name: string | null
  label: string | null
  from: string
  settings: unknown
}

/** A text, a list of texts and objects, or an object of path and label. */
export function promptEntries(prompts: unknown, leftOut: LeftOut[]): PromptEntry[] {
  const given = Array.isArray(prompts) ? prompts : typeof prompts === 'string' ? [prompts] : null
  if (given === null) {
    return Object.entries(isJsonObject(prompts) ? prompts : {}).map(([path, label]) => {
      const written = typeof label === 'string' ? label : null
      return entry(`prompts.${path}`, path.startsWith('file://') ? path : `file://${path}`, written)
    })
  }
  return given.flatMap((one: unknown, at) => {
    const source = `prompts.${at}`
    if (typeof one === 'string') return [entry(source, one, null)]
    const { id, label, raw, config } = isJsonObject(one) ? one : {}
    const from = raw ?? id
    if (typeof from === 'string') {
      return [entry(source, from, typeof label === 'string' ? label : null, config)]
    }
    leftOut.push(promptLeftOut(source, 'neither a text nor an object with raw or id.'))
    return []
  })
}

function entry(source: string, from: string, label: string | null, settings?: unknown): PromptEntry {
  const path = pathOf(from)
  const stem = path === null ? null : path.replace(/^.*\//, '').replace(/\.\w+$/, '')
  return { source: path === null ? source : `${source} (${path})`, name: stem, label, from, settings }
}

/** A file is named by `file://`, or by a path that ends as prompt files do. */
function pathOf(from: string): string | null {
  if (from.startsWith('file://')) return from.slice('file://'.length)
  const looksLikePath = /^[^\s{}]+\.(?:txt|md|json|jsonl|ya?ml|csv|[cm]?[jt]s|py|j2)(?::\w+)?$/.test(from)
  return looksLikePath ? from : null
}

/** The texts of a prompt's files, or why there are none. */
export function promptTexts({ from }: PromptEntry, readBeside: ReadBeside): string[] | string {
  const path = pathOf(from)
  if (path === null) {
    const elsewhere = /^([a-z]+):\/\//.exec(from)?.[1] ?? (from.startsWith('exec:') ? 'exec' : null)
    return elsewhere === null ? [from] : `it comes from ${elsewhere}, not from a file. Export it there.`
  }
  if (/[*?[\]{}]/.test(path)) return 'a pattern of names. Name the files.'
  const [, ending = ''] = /\.(\w+)$/.exec(path) ?? []
  if (!['txt', 'md', 'json', 'yaml', 'yml', 'j2'].includes(ending)) {
    return `a prompt made by ${ending === '' ? 'a folder or program' : `.${ending}`}, which is more than a text. Write it by hand.`
  }
  const read = readBeside(path)
  if ('why' in read) return read.why
  if (ending === 'yaml' || ending === 'yml') {
    const parsed = parseYaml(read.text, path)
    if ('problems' in parsed) return parsed.problems.join(' ')
    if (typeof parsed.value === 'string') return [parsed.value]
    return Array.isArray(parsed.value)
      ? [JSON.stringify(parsed.value)]
      : 'neither a text nor a list of messages.'
  }
  if (ending !== 'txt') return [read.text]
  return read.text.split(/^---[ \t]*$/m).filter((part) => part.trim() !== '')
}
