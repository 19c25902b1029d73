/** Files that a config of promptfoo names, each read and parsed once however many tests name it. */

import type { JsonValue } from '../../../lib/json.ts'
import { parseYaml } from '../../../lib/yaml.ts'
import type { ReadBeside } from '../../../registry/prompts/imports/promptfoo-prompts.ts'
import { parseJson } from '../../datasets/parse-json.ts'

export type Parsed = { value: JsonValue } | { why: string }
export type FilesBeside = {
  text: ReadBeside
  /** Of a .json file as JSON, which may have any number of members; of any other as YAML. `why` begins with the path. */
  value(path: string): Parsed
}

/** Texts that are kept, and as many again that parsed values were made of; beyond it a file is read anew each time. */
const KEPT_BYTES = 32 * 1024 * 1024
/** Of what a path and an answer without a text take. */
const ENTRY_BYTES = 200

export function filesBeside(readBeside: ReadBeside): FilesBeside {
  const text = kept(readBeside, (read) => ('text' in read ? read.text.length : 0))
  const sizes = new Map<string, number>()
  const value = kept(
    (path): Parsed => {
      const read = text(path)
      if ('why' in read) return { why: `${path}: ${read.why}` }
      sizes.set(path, read.text.length)
      return path.endsWith('.json') ? jsonIn(read.text, path) : yamlIn(read.text, path)
    },
    (_read, path) => sizes.get(path) ?? 0,
  )
  return { text, value }
}

/** The value of a JSON text. Its depth is bounded, as what looks at it recurses. */
export function jsonIn(text: string, where: string): Parsed {
  const parsed = parseJson(text)
  return 'why' in parsed ? { why: `${where}: ${parsed.why}` } : { value: parsed.value as JsonValue }
}

function yamlIn(text: string, where: string): Parsed {
  const parsed = parseYaml(text, where)
  return 'problems' in parsed ? { why: parsed.problems.join(' ') } : { value: parsed.value as JsonValue }
}

function kept<Answer>(read: (path: string) => Answer, sizeOf: (answer: Answer, path: string) => number) {
  const answers = new Map<string, Answer>()
  let bytes = 0
  return (path: string): Answer => {
    const known = answers.get(path)
    if (known !== undefined) return known
    const answer = read(path)
    bytes += sizeOf(answer, path) + path.length + ENTRY_BYTES
    if (bytes <= KEPT_BYTES) answers.set(path, answer)
    return answer
  }
}
