/**
 * Fits the weights of the groundedness scorer and says what they are worth on sets, kinds and groups left out:
 *
 *   node bench/groundedness-fit.ts --data DIR [--write]
 *
 * DIR holds labelled sets as `aval bench groundedness` reads them. --write replaces src/evals/groundedness/weights.generated.ts; `npm run format` afterwards.
 * The embedding model is the one that ships. Nothing is random but the intervals, which are seeded.
 */

import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { reportSets, type ScoredSet, type SetFigures } from '../src/evals/groundedness/bench-report.ts'
import {
  answerScore,
  type Calibration,
  type ClaimModel,
  calibrated,
  type Model,
  TASKS,
  type Task,
} from '../src/evals/groundedness/combine.ts'
import { cachedEmbed } from '../src/evals/groundedness/embed-cache.ts'
import { FEATURES } from '../src/evals/groundedness/features.ts'
import { type Floors, floorsOf } from '../src/evals/groundedness/floors.ts'
import { readAnswer } from '../src/evals/groundedness/ground.ts'
import { findSets, kindOf, readSet } from '../src/evals/groundedness/sets.ts'
import { digestOf, type FittedWeights } from '../src/evals/groundedness/weights.ts'
import { createLocalProvider } from '../src/providers/local/local.ts'
import type { SetPath } from '../src/retrieval/quality/find-sets.ts'
import { type Example, importanceOf, learnCalibration, learnClaimModel } from './claim-model.ts'

const { values } = parseArgs({
  options: { data: { type: 'string' }, write: { type: 'boolean', default: false } },
})
if (values.data === undefined) throw new Error('Name a folder of labelled sets: --data DIR')

const VERSION = 1
const RECIPE = { l2: 600, steps: 200, maxSetWeight: 800 }
const FOLDS = 5
const EMBEDDING = 'static-minilm'
const SHIPPED = fileURLToPath(new URL('../models', import.meta.url))
const WEIGHTS = fileURLToPath(new URL('../src/evals/groundedness/weights.generated.ts', import.meta.url))

type Row = Example & { group: string; floors: Floors }

const folder = { folders: [SHIPPED], hub: { enabled: false, cacheFolder: SHIPPED } }
const provider = createLocalProvider(folder)
const timeouts = { connectMs: 1_000, firstByteMs: 600_000, idleMs: 600_000, totalMs: 600_000 }
const signal = new AbortController().signal

async function readRows(set: SetPath): Promise<Row[]> {
  const read = readSet(set)
  if ('problems' in read) throw new Error(read.problems.join('\n'))
  const embed = cachedEmbed({ upstream: 'local', provider, model: EMBEDDING, timeouts }, 'groundedness-fit')
  const rows: Row[] = []
  for (const { contexts, answer, isSupported, group } of read.rows) {
    const reading = await readAnswer(embed, { contexts, answer }, signal)
    if ('abstained' in reading) continue
    const claims = reading.claims.map(({ features }) => FEATURES.map((name) => features[name]))
    rows.push({ set: set.name, isSupported, group, claims, floors: floorsOf(answer, reading) })
  }
  console.error(`${set.name}: ${rows.length} of ${read.rows.length} rows have something to judge`)
  return rows
}

/** What a set asks: the one guess about a task that its name allows. */
function taskOf(set: string): Exclude<Task, 'any'> {
  if (/^(?:summedits|qags)-|-summary$/u.test(set)) return 'summary'
  if (set.startsWith('begin-')) return 'dialogue'
  return set === 'ragtruth-qa' ? 'qa' : 'claim'
}

function scoreOf({ intercept, weights }: ClaimModel, { claims }: Example): number {
  return answerScore(
    claims.map((claim) => claim.reduce((logit, value, at) => logit - (weights[at] ?? 0) * value, intercept)),
  )
}

/** Scores of every row by a model that never saw its part; parts are sets, kinds or folds of groups. */
function leaveOut(
  rows: readonly Row[],
  partOf: (row: Row) => string,
): { scores: number[]; models: Map<string, ClaimModel> } {
  const models = new Map<string, ClaimModel>()
  for (const part of new Set(rows.map(partOf))) {
    models.set(
      part,
      learnClaimModel(
        rows.filter((row) => partOf(row) !== part),
        RECIPE,
      ),
    )
  }
  const scores = rows.map((row) => {
    const model = models.get(partOf(row))
    return model === undefined ? Number.NaN : scoreOf(model, row)
  })
  return { scores, models }
}

/** `scores` by models that never saw the row; nothing of a kind in `without` is looked at. */
function calibrate(
  rows: readonly Row[],
  scores: readonly number[],
  isUsed: (row: Row) => boolean,
): Calibration {
  const places = rows.flatMap((row, at) => (isUsed(row) ? [at] : []))
  const used = places.flatMap((at) => rows[at] ?? [])
  return learnCalibration(
    used.map(({ claims, isSupported }, at) => ({
      score: scores[places[at] ?? -1] ?? 0,
      claims: claims.length,
      isSupported,
    })),
    importanceOf(used, RECIPE.maxSetWeight),
  )
}

function calibrations(
  rows: readonly Row[],
  scores: readonly number[],
  without: string | null,
): Model['calibrations'] {
  const isOther = (row: Row) => without === null || kindOf(row.set) !== kindOf(without)
  const any = calibrate(rows, scores, isOther)
  const entries = TASKS.map((task) => {
    const isOfTask = (row: Row) => isOther(row) && taskOf(row.set) === task
    return [task, task === 'any' || !rows.some(isOfTask) ? any : calibrate(rows, scores, isOfTask)]
  })
  return Object.fromEntries(entries)
}

/** A row's probability by the calibration of its task, fitted on other kinds alone. */
function probabilities(rows: readonly Row[], scores: readonly number[]): number[] {
  const bySet = new Map(
    [...new Set(rows.map(({ set }) => set))].map((set) => [set, calibrations(rows, scores, set).any]),
  )
  return rows.map(({ set, claims }, at) =>
    calibrated(bySet.get(set) ?? { slope: 1, offset: 0, perClaim: 0 }, scores[at] ?? 0, claims.length),
  )
}

function scoredSets(
  rows: readonly Row[],
  scores: readonly number[],
  chances: readonly number[],
): ScoredSet[] {
  return [...new Set(rows.map(({ set }) => set))].map((set) => {
    const answers = rows.flatMap((row, at) =>
      row.set === set ? [{ ...row, score: scores[at] ?? 0, probability: chances[at] ?? 0.5 }] : [],
    )
    return { set, answers, rows: answers.length, msPerItem: 0 }
  })
}

function print(title: string, figures: readonly SetFigures[]): void {
  console.log(`\n${title}`)
  const cell = (value: number | null | undefined) => (value == null ? '  -  ' : value.toFixed(3))
  for (const { set, scored, unsupported, figures: scorers, bestFloor } of figures) {
    const [own] = scorers
    const floor = scorers.find(({ scorer }) => scorer === bestFloor)
    const ends = floor?.difference?.interval
    const verdict = ends === undefined ? '' : ends.low > 0 ? 'better' : ends.high < 0 ? 'worse' : ''
    console.log(
      `${set.padEnd(24)} ${String(scored).padStart(5)} ${String(unsupported).padStart(5)}  ${cell(own?.auroc)} [${cell(own?.interval?.low)}, ${cell(own?.interval?.high)}]  ` +
        `${(bestFloor ?? '').padEnd(14)} ${cell(floor?.auroc)}  ${cell(floor?.difference?.mean)} [${cell(ends?.low)}, ${cell(ends?.high)}] ${verdict.padEnd(6)}  bacc ${cell(own?.balancedAccuracy)} (${cell(floor?.balancedAccuracy)})  ece ${cell(own?.calibrationError)}`,
    )
  }
  const kinds = figures.filter(
    ({ set }, at) =>
      set.includes('(') || !figures.some((other, place) => place !== at && kindOf(other.set) === kindOf(set)),
  )
  const mean = kinds.reduce((sum, { figures: [own] }) => sum + (own?.auroc ?? 0), 0) / kinds.length
  console.log(`mean AUROC over kinds ${mean.toFixed(4)}`)
}

/** The widest band around ½ in which rows left out are called right less often than this, each label of each set the same weight. */
const NO_POWER = 0.55

function bandWithoutPower(rows: readonly Row[], chances: readonly number[]): { low: number; high: number } {
  const importance = importanceOf(rows, RECIPE.maxSetWeight)
  for (let width = 0.2; width > 0; width = Math.round((width - 0.01) * 100) / 100) {
    let [right, all] = [0, 0]
    rows.forEach(({ isSupported }, at) => {
      const chance = chances[at] ?? 0.5
      if (Math.abs(chance - 0.5) > width) return
      all += importance[at] ?? 0
      if (chance >= 0.5 === isSupported) right += importance[at] ?? 0
    })
    if (all > 0 && right / all < NO_POWER) return { low: round(0.5 - width), high: round(0.5 + width) }
  }
  return { low: 0.5, high: 0.5 }
}

/** Five digits say all that the data can, and make the file the same on every machine. */
function round(value: number): number {
  return Number(value.toPrecision(5))
}

function foldOf({ group }: Row): string {
  let hash = 7
  for (const character of group) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) | 0
  return String((hash >>> 3) % FOLDS)
}

const found = findSets(values.data)
if ('problems' in found) throw new Error(found.problems.join('\n'))
const rows: Row[] = []
for (const set of found.sets) rows.push(...(await readRows(set)))
await provider.close?.()

const bySet = leaveOut(rows, ({ set }) => set)
const bySetChances = probabilities(rows, bySet.scores)
print('one set left out', reportSets(scoredSets(rows, bySet.scores, bySetChances)))
const byKind = leaveOut(rows, ({ set }) => kindOf(set))
print('one kind left out', reportSets(scoredSets(rows, byKind.scores, probabilities(rows, byKind.scores))))
const byGroup = leaveOut(rows, foldOf)
print(
  `one of ${FOLDS} folds of groups left out`,
  reportSets(scoredSets(rows, byGroup.scores, probabilities(rows, byGroup.scores))),
)

const whole = learnClaimModel(rows, RECIPE)
const band = bandWithoutPower(rows, probabilities(rows, byKind.scores))
console.log(`\nband without power ${band.low} to ${band.high}`)
FEATURES.forEach((name, at) => {
  console.log(`${name.padEnd(22)} ${(whole.weights[at] ?? 0).toFixed(3)}`)
})
const setNames = [...new Set(rows.map(({ set }) => set))]
const fitted: FittedWeights = {
  version: VERSION,
  digest: '',
  embedding: EMBEDDING,
  recipe: RECIPE,
  features: [...FEATURES],
  sets: setNames.map((set) => {
    const own = rows.filter((row) => row.set === set)
    return { set, rows: own.length, unsupported: own.filter(({ isSupported }) => !isSupported).length }
  }),
  model: { ...whole, calibrations: calibrations(rows, bySet.scores, null) },
  folds: Object.fromEntries(
    setNames.flatMap((set) => {
      const model = bySet.models.get(set)
      return model === undefined
        ? []
        : [[set, { ...model, calibrations: calibrations(rows, bySet.scores, set) }]]
    }),
  ),
  band,
}
const rounded: FittedWeights = JSON.parse(
  JSON.stringify(fitted, (_, value) => (typeof value === 'number' ? round(value) : value)),
)
if (values.write) {
  const text = JSON.stringify({ ...rounded, digest: digestOf(rounded) }, null, 2)
  writeFileSync(
    WEIGHTS,
    `/** Written by bench/groundedness-fit.ts: what it learnt, from what, and how. Never edited by hand. */\n\nimport type { FittedWeights } from './weights.ts'\n\nexport const FITTED: FittedWeights = ${text}\n`,
  )
}
