/** The folder of the Numenta Anomaly Benchmark: series as CSV files in groups, and the windows that people called anomalous. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isJsonObject } from '../../lib/json.ts'
import { readSetFile } from '../../retrieval/quality/set-file.ts'
import type { Point } from '../detectors/points.ts'

/** Both ends belong to it; milliseconds since the Unix epoch. */
type Window = { fromMs: number; toMs: number }
export type LabelledSeries = {
  group: string
  /** `group/file.csv`, as `windows.json` has it. */
  name: string
  points: readonly Point[]
  windows: readonly Window[]
}
export type Problems = { problems: readonly string[] }

const MAX_SERIES = 1000
const MAX_POINTS = 1_000_000
const MAX_PROBLEMS = 20
const FILE_NAME = /^(?<name>.+\.csv)(?:\.gz)?$/
const TIME = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?)\d*$/
const SHAPE = 'A series is <group>/<name>.csv or .csv.gz with the columns timestamp and value.'

/** All series by name, or everything that is wrong with them. Times are read as UTC. */
export function readLabelledSeries(folder: string): { series: LabelledSeries[] } | Problems {
  const labels = readWindows(join(folder, 'windows.json'))
  if ('problems' in labels) return labels
  const files = findFiles(folder)
  if ('problems' in files) return files
  const series: LabelledSeries[] = []
  const problems: string[] = []
  for (const { group, name, path } of files.found) {
    const windows = labels.windows.get(name)
    const read = readPoints(path)
    if (windows === undefined) problems.push(`windows.json: nothing about ${name}. Write [] for none.`)
    if ('problems' in read) problems.push(...read.problems)
    else if (windows !== undefined) series.push({ group, name, points: read.points, windows })
    if (problems.length >= MAX_PROBLEMS) break
  }
  return problems.length > 0 ? { problems } : { series }
}

type Found = { group: string; name: string; path: string }

function findFiles(folder: string): { found: Found[] } | Problems {
  let found: Found[]
  try {
    found = listFiles(folder)
  } catch (error) {
    return { problems: [`${folder}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`] }
  }
  const twice = found.find(({ name }, at) => found[at - 1]?.name === name)
  if (twice !== undefined) return { problems: [`${folder}: ${twice.name} is there twice. Keep one file.`] }
  if (found.length === 0) return { problems: [`${folder}: no series here. ${SHAPE}`] }
  if (found.length > MAX_SERIES) return { problems: [`${folder}: more than ${MAX_SERIES} series.`] }
  return { found }
}

function listFiles(folder: string): Found[] {
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const groups = entries.map(({ name }) => name).toSorted()
  return groups.flatMap((group) =>
    readdirSync(join(folder, group))
      .toSorted()
      .flatMap((file) => {
        const name = FILE_NAME.exec(file)?.groups?.name
        return name === undefined
          ? []
          : [{ group, name: `${group}/${name}`, path: join(folder, group, file) }]
      }),
  )
}

function readWindows(path: string): { windows: Map<string, Window[]> } | Problems {
  const file = readSetFile(path)
  if ('why' in file) return { problems: [`${path}: ${file.why}`] }
  const shape = 'It is {"<group>/<name>.csv": [["2014-04-10 16:15:00", "2014-04-12 01:45:00"]]}.'
  const labels = parsed(file.text)
  if (!isJsonObject(labels)) return { problems: [`${path}: not a JSON object. ${shape}`] }
  const windows = new Map<string, Window[]>()
  for (const [name, listed] of Object.entries(labels)) {
    const read = Array.isArray(listed) ? listed.map(windowOf) : [null]
    const inOrder = read.filter((window) => window !== null)
    if (inOrder.length < read.length)
      return { problems: [`${path}: windows of ${name} are not as they should be. ${shape}`] }
    windows.set(name, inOrder)
  }
  return { windows }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function windowOf(ends: unknown): Window | null {
  if (!Array.isArray(ends)) return null
  const [fromMs, toMs] = ends.map((end: unknown) => (typeof end === 'string' ? timeOf(end) : null))
  if (fromMs === undefined || toMs === undefined || fromMs === null || toMs === null) return null
  return fromMs <= toMs ? { fromMs, toMs } : null
}

function readPoints(path: string): { points: Point[] } | Problems {
  const file = readSetFile(path)
  if ('why' in file) return { problems: [`${path}: ${file.why}`] }
  const [head = '', ...lines] = file.text.trim().split(/\r?\n/, MAX_POINTS + 2)
  if (head !== 'timestamp,value') return { problems: [`${path}: line 1 is not timestamp,value. ${SHAPE}`] }
  if (lines.length > MAX_POINTS) return { problems: [`${path}: more than ${MAX_POINTS} points.`] }
  const points: Point[] = []
  for (const [at, line] of lines.entries()) {
    const [time = '', value = ''] = line.split(',')
    const timeMs = timeOf(time)
    if (timeMs === null || value.trim() === '' || !Number.isFinite(Number(value)))
      return { problems: [`${path}: line ${at + 2}: not a time and a number, as 2014-04-01 00:05:00,20.5.`] }
    points.push({ timeMs, value: Number(value) })
  }
  return { points }
}

function timeOf(text: string): number | null {
  const [, day, time] = TIME.exec(text) ?? []
  const timeMs = Date.parse(`${day}T${time}Z`)
  return Number.isNaN(timeMs) ? null : timeMs
}
