/**
 * A prompt file, `prompts/<name>.yaml`: its text becomes a content and tests, or sentences that say every mistake with
 * its path, what stands there and what to write. Reads no disk and throws for nothing that a text can hold.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { compileJsonSchema } from '../../lib/json-schema-check.ts'
import { compileLinearRegex } from '../../lib/linear-regex.ts'
import { describeIssues } from '../../lib/schema-problems.ts'
import { parseYaml } from '../../lib/yaml.ts'
import { findUndeclared } from './declared-names.ts'
import { findForeign } from './foreign-values.ts'
import { CONTEXTS, MESSAGES_SLOT, type PromptContent, type PromptTest } from './prompt-content.ts'
import { type PromptFileShape, promptFile } from './prompt-schema.ts'
import { lineOf, parseTemplate } from './template.ts'

export type PromptFile = { content: PromptContent; tests: PromptTest[] }

/** A long book chapter; more belongs into the contexts. */
export const MAX_FILE_BYTES = 256 * 1024

/** Lower-case letters, digits and hyphens: a name is a file's name, part of an address, and nothing else. */
export function isPromptName(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)
}

/** What a name has to be, for errors. */
export const PROMPT_NAME_RULE =
  'lower-case letters, digits and hyphens, at most 63, with a letter or a digit at both ends'

/** `name` without folder and ending. */
export function readPromptFile(name: string, text: string): PromptFile | { problems: readonly string[] } {
  if (!isPromptName(name)) {
    return {
      problems: [`The name ${JSON.stringify(name.slice(0, 80))} is not one. Write ${PROMPT_NAME_RULE}.`],
    }
  }
  const where = `prompts/${name}.yaml`
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    return {
      problems: [
        `${where}: larger than ${MAX_FILE_BYTES} bytes. Move what is long into variables or contexts.`,
      ],
    }
  }
  const read = parseYaml(text, where)
  if ('problems' in read) return read
  const foreign = findForeign(read.value)
  if (foreign !== null) return { problems: [`${where}: ${foreign}`] }
  const parsed = promptFile.safeParse(read.value)
  if (!parsed.success) return { problems: describeIssues(where, promptFile, read.value, parsed.error) }
  const file = toFile(parsed.data)
  const problems = [
    ...slotProblems(file),
    ...variableProblems(file),
    ...templateProblems(file),
    ...testProblems(file),
  ]
  if (problems.length > 0) return { problems: problems.map((problem) => `${where}: ${problem}`) }
  return file
}

function toFile({ tests, response_format: responseFormat, ...rest }: PromptFileShape): PromptFile {
  const content = { ...rest, ...(responseFormat !== undefined && { responseFormat }) }
  return { content, tests }
}

function slotProblems({ content }: PromptFile): string[] {
  const places = content.messages.flatMap((message, at) => (message === MESSAGES_SLOT ? [at] : []))
  return places.slice(1).map((at) => `messages.${at}: "${MESSAGES_SLOT}" stands twice. Keep one.`)
}

function variableProblems({ content: { variables } }: PromptFile): string[] {
  if (variables === undefined) return []
  const problems: string[] = []
  if (variables.type !== 'object') {
    problems.push(
      'variables.type: variables are an object of names. Write "type: object" and name them under properties.',
    )
  }
  for (const name of [CONTEXTS, 'messages']) {
    if (isJsonObject(variables.properties) && Object.hasOwn(variables.properties, name)) {
      problems.push(`variables.properties.${name}: "${name}" is always there. Choose another name.`)
    }
  }
  problems.push(...nameProblems(variables, 'variables'))
  const compiled = compileJsonSchema(variables)
  if ('problems' in compiled) {
    problems.push(
      ...compiled.problems.map(({ path, message }) => `${['variables', ...path].join('.')}: ${message}`),
    )
  }
  return problems
}

/** Names that no tag could ever say. */
function nameProblems(schema: JsonValue | undefined, path: string): string[] {
  if (!isJsonObject(schema)) return []
  const properties = isJsonObject(schema.properties) ? schema.properties : {}
  const own = Object.entries(properties).flatMap(([name, member]) => {
    const at = `${path}.properties.${name}`
    const problems = nameProblems(member, at)
    if (/^[A-Za-z_][\w-]{0,63}$/.test(name)) return problems
    return [
      `${at}: not a name of a variable. Write a letter, then letters, digits, _ and -, at most 64.`,
      ...problems,
    ]
  })
  return [...own, ...nameProblems(schema.items, `${path}.items`)]
}

function templateProblems({ content }: PromptFile): string[] {
  const schema = content.variables
  return content.messages.flatMap((message, at) => {
    if (message === MESSAGES_SLOT) return []
    if (typeof message.content === 'string') {
      return textProblems(message.content, `messages.${at}.content`, schema)
    }
    return message.content.flatMap((part, position) => {
      const path = `messages.${at}.content.${position}`
      return part.type === 'text'
        ? textProblems(part.text, `${path}.text`, schema)
        : textProblems(part.image_url.url, `${path}.image_url.url`, schema)
    })
  })
}

function textProblems(text: string, path: string, schema: JsonObject | undefined): string[] {
  if (text.trim() === MESSAGES_SLOT) {
    return [
      `${path}: the caller's messages are messages of their own. Write "${MESSAGES_SLOT}" as an item of the list.`,
    ]
  }
  const template = parseTemplate(text)
  const problems = 'problem' in template ? [template.problem] : findUndeclared(template.tags, schema)
  return problems.map(({ at, message }) => `${path}: line ${lineOf(text, at)}: ${message}`)
}

function testProblems({ tests }: PromptFile): string[] {
  return tests.flatMap(({ renders: { matches } }, at) => {
    const pattern = matches === undefined ? null : compileLinearRegex(matches, 'allowed')
    if (pattern === null || !('expected' in pattern)) return []
    return [`tests.${at}.renders.matches: a text where ${pattern.expected} is expected.`]
  })
}
