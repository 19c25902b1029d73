/** What the dataset commands do without a server: files are read and checked, logged requests made into items, right here. */

import { createReadStream, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { DatasetActions, DatasetRead, MadeItems } from './cli/datasets.ts'
import { CliError, EXIT } from './cli/exit-codes.ts'
import { TRAINING_FORMATS, type TrainingFormat, trainingExample } from './evals/datasets/fine-tuning.ts'
import { FORMAT_NAMES, type FormatName } from './evals/datasets/formats/formats.ts'
import { itemOfRequest } from './evals/datasets/from-requests.ts'
import { compileItemSchema, type ItemCheck, MAX_SCHEMA_BYTES } from './evals/datasets/item-schema.ts'
import { MAX_FILE_BYTES, readDataset } from './evals/datasets/read-file.ts'
import { fileKindOf } from './evals/datasets/rows.ts'
import { HALLUCINATION_CASES, hallucinationItems } from './evals/robustness/hallucination.ts'
import { PERTURBATION_NAMES, type PerturbedItems, perturbItem } from './evals/robustness/perturb.ts'
import type { JsonValue } from './lib/json.ts'
import { nearest } from './lib/nearest.ts'
import { parseYaml } from './lib/yaml.ts'

/** Paths start at `directory`. */
export function createDatasetActions(directory: string): DatasetActions {
  return {
    read: (path, options) => read(directory, path, options),
    schema: async (path) => schemaIn(directory, path),
    itemOf: async (call) => itemOfRequest(call),
    trainingFormats: async () => TRAINING_FORMATS,
    trainingExample: async (item, format) => trainingExample(item, trainingFormatNamed(format)),
    perturbations: async () => PERTURBATION_NAMES,
    perturb: async (item, settings) => madeItems(perturbItem(item, settings)),
    hallucinationCases: async () => HALLUCINATION_CASES,
    hallucination: async (item, settings) => madeItems(hallucinationItems(item, settings)),
  }
}

function trainingFormatNamed(text: string): TrainingFormat {
  const found = TRAINING_FORMATS.find((name) => name === text)
  if (found !== undefined) return found
  const known = TRAINING_FORMATS.join(', ')
  throw new CliError(EXIT.usage, `--format ${text.slice(0, 40)}: no format that is known. Known: ${known}.`)
}

function madeItems({ items, left }: PerturbedItems): MadeItems {
  return {
    items: items.map((one) => ({ item: one, bytes: Buffer.byteLength(JSON.stringify(one)) })),
    left: left.map(({ perturbation, reason }) => `${perturbation}: ${reason}`),
  }
}

async function* read(
  directory: string,
  path: string,
  options: { format: string | null; schema: string | null },
): AsyncGenerator<DatasetRead> {
  const format = options.format === null ? null : formatNamed(options.format)
  const kind = fileKindOf(path)
  if (kind === null) {
    const message = `${path}: its name does not say what it is. End it with .jsonl, .csv, .json or .yaml.`
    throw new CliError(EXIT.usage, message)
  }
  const check = options.schema === null ? null : checkOf(options.schema, schemaIn(directory, options.schema))
  demandFile(directory, path, MAX_FILE_BYTES)
  const chunks = createReadStream(resolve(directory, path))
  for await (const one of readDataset(chunks, { file: path, kind, format })) {
    if (one.kind !== 'item') {
      yield one
      continue
    }
    const { where, item, content } = one
    const wrong = check?.(item) ?? null
    if (wrong !== null) yield { kind: 'problem', text: `${where}: ${wrong}` }
    else yield { kind: 'item', where, item, hash: content.hash, bytes: Buffer.byteLength(content.text) }
  }
}

function formatNamed(text: string): FormatName {
  const found = FORMAT_NAMES.find((name) => name === text)
  if (found !== undefined) return found
  const meant = nearest(text, FORMAT_NAMES)
  const hint = meant === null ? `Known: ${FORMAT_NAMES.join(', ')}.` : `Did you mean "${meant}"?`
  throw new CliError(EXIT.usage, `--format ${text.slice(0, 40)}: no format that is known. ${hint}`)
}

function checkOf(path: string, schema: JsonValue): ItemCheck {
  const compiled = compileItemSchema(schema, path)
  if ('check' in compiled) return compiled.check
  throw new CliError(EXIT.emptyInput, compiled.problems.join('\n'))
}

/** JSON is YAML as well. */
function schemaIn(directory: string, path: string): JsonValue {
  demandFile(directory, path, MAX_SCHEMA_BYTES)
  const parsed = parseYaml(readFileSync(resolve(directory, path), 'utf8'), path)
  if ('value' in parsed) return parsed.value as JsonValue
  throw new CliError(EXIT.emptyInput, parsed.problems.join('\n'))
}

function demandFile(directory: string, path: string, maxBytes: number): void {
  try {
    const file = statSync(resolve(directory, path))
    if (!file.isFile()) throw new CliError(EXIT.emptyInput, `${path}: not a file.`)
    if (file.size > maxBytes) throw new CliError(EXIT.emptyInput, `${path}: larger than ${maxBytes} bytes.`)
  } catch (error) {
    if (error instanceof CliError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw new CliError(EXIT.emptyInput, `${path}: cannot be read (${code}).`)
  }
}
