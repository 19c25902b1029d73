/** A folder beside aval.yaml in which each file is one named thing: `policies/careful.yaml`, `alerts/too-many-errors.yaml`. */

import { existsSync, readdirSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import type { z } from 'zod'
import { describeIssues } from '../lib/schema-problems.ts'
import { readYaml } from './yaml-file.ts'

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

export type NamedFile = { name: string; path: string }

/** By name, one more than `most` when there are more; none where there is no such folder. */
export function namedFiles(folder: string, most: number): NamedFile[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((file) => ['.yaml', '.yml'].includes(extname(file)))
    .toSorted()
    .slice(0, most + 1)
    .map((file) => ({ name: basename(file, extname(file)), path: join(folder, file) }))
}

/** The value in a file's shape, or sentences about why it is none, each with the path. */
export function readNamedFile<Shape extends z.ZodType>(
  { name, path }: NamedFile,
  shape: Shape,
): { value: z.infer<Shape> } | { problems: readonly string[] } {
  if (!NAME.test(name)) {
    return { problems: [`${path}: call it by lower-case letters, digits and inner hyphens, at most 63.`] }
  }
  const read = readYaml(path)
  if ('problems' in read) return read
  const parsed = shape.safeParse(read.value)
  if (parsed.success) return { value: parsed.data }
  return { problems: describeIssues(path, shape, read.value, parsed.error) }
}
