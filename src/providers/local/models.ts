/** Which models lie in the folders, what they can do, and how to remove one. Never reads outside the folders. */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, realpath, rm, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { RequestError, UpstreamError } from '../../errors.ts'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import type { LocalModel, ModelTask } from './protocol.ts'

/** `name` or `org/name`; the same letters as the hub allows, and no part that is only dots. */
const NAME = /^(?!.*(?:^|\/)\.+(?:\/|$))[\w.-]{1,96}(?:\/[\w.-]{1,96})?$/u
const MAX_ENTRIES = 1000
/** A graph of matrices has its own limit; a table lookup has none, so this one protects memory. */
const MAX_CONTEXT_TOKENS = 8192
const DTYPES: readonly (readonly [dtype: string, suffix: string])[] = [
  ['q8', '_quantized'],
  ['q4', '_q4'],
  ['q4f16', '_q4f16'],
  ['int8', '_int8'],
  ['uint8', '_uint8'],
  ['fp16', '_fp16'],
  ['fp32', ''],
]

/** True for a name that can be a folder here or a model on the hub. */
export function isModelName(name: string): boolean {
  return NAME.test(name)
}

/**
 * The model called `name` in the first folder that holds it, or null. Throws RequestError when the name cannot be
 * one (`../x`), and UpstreamError('local_model_missing') when the folder is there but no model this version serves.
 */
export async function findModel(folders: readonly string[], name: string): Promise<LocalModel | null> {
  if (!isModelName(name)) {
    throw new RequestError(
      'model_not_found',
      `"${name.slice(0, 120)}" cannot be a local model's name: use letters, digits, ".", "_", "-" and at most one "/".`,
      { param: 'model' },
    )
  }
  for (const folder of folders) {
    const inside = await insideFolder(folder, name)
    if (inside === null) continue
    const model = await describe(inside, name)
    if (model !== null) return model
    throw new UpstreamError(
      'local_model_missing',
      `"${name}" in ${folder} is not a model that Aval can run: it needs config.json, tokenizer.json and an onnx/model*.onnx of an embedding, reranking or text-generation model.`,
      { retryable: true },
    )
  }
  return null
}

/** Every model that can be served, in the folders' order and by name; the first folder wins a name. */
export async function listFolders(folders: readonly string[]): Promise<LocalModel[]> {
  const found = new Map<string, LocalModel>()
  for (const folder of folders) {
    for (const name of await namesIn(folder)) {
      const inside = found.has(name) ? null : await insideFolder(folder, name)
      const model = inside === null ? null : await describe(inside, name)
      if (model !== null) found.set(name, model)
    }
  }
  return [...found.values()]
}

/**
 * SHA-256, lower-case hex, over what decides a model's vectors: configuration, pooling, tokenizer and the graph of its
 * dtype, each as `path\0bytes of its own SHA-256`. The same files give the same digest wherever the folder lies.
 */
export async function digestOf({ folder, dtype }: LocalModel): Promise<string> {
  const suffix = DTYPES.find(([name]) => name === dtype)?.[1] ?? ''
  const whole = createHash('sha256')
  for (const path of ['config.json', '1_Pooling/config.json', 'tokenizer.json', `onnx/model${suffix}.onnx`]) {
    const own = createHash('sha256')
    try {
      for await (const bytes of createReadStream(join(folder, path))) own.update(bytes as Buffer)
    } catch (error) {
      if (isAbsent(error)) continue
      throw error
    }
    whole.update(`${path}\0`).update(own.digest())
  }
  return whole.digest('hex')
}

/** Deletes a model's folder. Throws RequestError('not_found') when none of `folders` holds it. */
export async function removeFolder(folders: readonly string[], name: string): Promise<string> {
  for (const folder of isModelName(name) ? folders : []) {
    const inside = await insideFolder(folder, name)
    if (inside === null) continue
    await rm(inside, { recursive: true })
    return inside
  }
  throw new RequestError(
    'not_found',
    `No model "${name}" in ${folders.join(', ')}: \`aval models list\` shows them.`,
    { param: 'model' },
  )
}

/** The real path of `folder/name` when it is a folder that truly lies inside; a link that leads out counts as absent. */
async function insideFolder(folder: string, name: string): Promise<string | null> {
  try {
    const root = await realpath(folder)
    const inside = await realpath(resolve(root, name))
    return inside.startsWith(root + sep) && (await stat(inside)).isDirectory() ? inside : null
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = []
  for (const name of await entriesOf(folder)) {
    const inner = await entriesOf(join(folder, name))
    if (inner.includes('config.json')) names.push(name)
    else for (const second of inner) names.push(`${name}/${second}`)
  }
  return names.filter(isModelName).slice(0, MAX_ENTRIES).sort()
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).slice(0, MAX_ENTRIES)
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

/** Reads what a folder says about itself; null when this version cannot serve it. */
async function describe(folder: string, name: string): Promise<LocalModel | null> {
  const config = await readJson(join(folder, 'config.json'))
  const files = await entriesOf(folder)
  const graphs = await entriesOf(join(folder, 'onnx'))
  const task = config === null ? null : detectTask(config)
  if (config === null || task === null || !files.includes('tokenizer.json')) return null
  const dtype = chooseDtype(config, graphs, task)
  if (dtype === null) return null
  const pooling = await readJson(join(folder, '1_Pooling', 'config.json'))
  const positions = config.max_position_embeddings
  return {
    name,
    folder,
    task,
    dtype,
    dimensions: task === 'embedding' && typeof config.hidden_size === 'number' ? config.hidden_size : 0,
    contextTokens: Math.min(
      typeof positions === 'number' ? positions : MAX_CONTEXT_TOKENS,
      MAX_CONTEXT_TOKENS,
    ),
    pooling: pooling?.pooling_mode_cls_token === true ? 'cls' : 'mean',
    truncatable: Array.isArray(config.matryoshka_dimensions) && config.matryoshka_dimensions.length > 0,
    sizeBytes: await sizeOf(folder),
  }
}

function detectTask(config: JsonObject): ModelTask | null {
  const architecture = Array.isArray(config.architectures) ? String(config.architectures[0]) : ''
  if (/ForCausalLM$|LMHeadModel$/u.test(architecture)) return 'generation'
  if (/ForSequenceClassification$/u.test(architecture)) {
    const labels = isJsonObject(config.id2label) ? Object.keys(config.id2label).length : config.num_labels
    // More than one label is a classifier, not a score of relevance.
    return labels === 1 ? 'rerank' : null
  }
  return /(?<!For\w{0,60})Model$/u.test(architecture) ? 'embedding' : null
}

function chooseDtype(config: JsonObject, graphs: readonly string[], task: ModelTask): string | null {
  const own = isJsonObject(config['transformers.js_config'])
    ? config['transformers.js_config'].dtype
    : undefined
  const present = DTYPES.filter(([, suffix]) => graphs.includes(`model${suffix}.onnx`)).map(
    ([dtype]) => dtype,
  )
  if (typeof own === 'string' && present.includes(own)) return own
  const first = task === 'generation' ? present.find((dtype) => dtype.startsWith('q4')) : undefined
  return first ?? present[0] ?? null
}

async function readJson(path: string): Promise<JsonObject | null> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isJsonObject(value) ? value : null
  } catch (error) {
    // A file that is no JSON makes the folder no model, like one that is not there.
    if (error instanceof SyntaxError || isAbsent(error)) return null
    throw error
  }
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.slice(0, MAX_ENTRIES).filter((entry) => entry.isFile())
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(join(file.parentPath, file.name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP'
}
