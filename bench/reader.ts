/**
 * Measures the extractive reader against trivial floors and fits its constants. `node bench/reader.ts --data <folder>`
 * with `retrieval/xquad-*`, `qa/clapnq` and `qa/pubmedqa` as .jsonl.gz; `--json` prints one object, `--fit` the constants.
 * Half of the groups (by hash) calibrate, the other half is only ever reported on.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { createBm25 } from '../src/lib/bm25.ts'
import { seededRandom } from '../src/lib/random.ts'
import { auroc, balancedAccuracy, bestThreshold } from '../src/lib/statistics/auroc.ts'
import { createLocalProvider } from '../src/providers/local/local.ts'
import {
  answerFeatures,
  answerProbability,
  type RankedSentence,
  rankSentences,
} from '../src/providers/local/reader/answer.ts'
import { FEATURE_NAMES, termsOf } from '../src/providers/local/reader/features.ts'
import { ANSWER_THRESHOLD, SENTENCE_WEIGHTS } from '../src/providers/local/reader/weights.ts'
import { fitLogistic } from './logistic.ts'

type Row = {
  set: string
  group: string
  question: string
  context: string
  answerable: boolean
  /** True for a sentence that holds the answer; null where the set does not say. */
  isGold: ((sentence: string) => boolean) | null
}
type Case = Row & { ranked: RankedSentence[]; gold: boolean[] | null; held: boolean }
type Interval = { value: number; low: number; high: number }

const argument = (name: string) => process.argv[process.argv.indexOf(name) + 1]
const folder = process.argv.includes('--data') ? argument('--data') : undefined
if (folder === undefined)
  throw new Error('Name the folder of labelled sets: node bench/reader.ts --data <folder>')
const RESAMPLES = 1000

function load<T>(path: string): T[] {
  const text = gunzipSync(readFileSync(`${folder}/${path}.jsonl.gz`)).toString('utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)
}

function isHeld(group: string): boolean {
  return (createHash('sha256').update(group).digest()[0] ?? 0) % 2 === 1
}

/** The most similar other text by BM25 that lacks the answer: a hard unanswerable partner. */
function hardPartner(
  texts: readonly string[],
  scores: readonly number[],
  own: number,
  answers: readonly string[],
): number {
  const order = scores.map((_, at) => at).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))
  const lacks = (at: number) =>
    !answers.some((answer) => (texts[at] ?? '').toLowerCase().includes(answer.toLowerCase()))
  return order.find((at) => at !== own && lacks(at)) ?? own
}

function xquadRows(): Row[] {
  const documents = load<{ id: string; text: string }>('retrieval/xquad-docs')
  const own = new Map(
    load<{ qid: string; did: string }>('retrieval/xquad-qrels').map(({ qid, did }) => [qid, did]),
  )
  const texts = documents.map(({ text }) => text)
  const bm25 = createBm25(texts.map(termsOf))
  return load<{ id: string; text: string; answers: string[] }>('retrieval/xquad-queries').flatMap(
    ({ id, text, answers }) => {
      const did = own.get(id) ?? ''
      const at = documents.findIndex((document) => document.id === did)
      const other = hardPartner(texts, bm25.scores(termsOf(text)), at, answers)
      // Neighbouring paragraphs are about one subject (XQuAD takes about five of each article): they stay in one half.
      const group = `xquad-${Math.floor(at / 5)}`
      const isGold = (sentence: string) => answers.some((answer) => sentence.includes(answer))
      const base = { set: 'xquad', group, question: text }
      return [
        { ...base, context: texts[at] ?? '', answerable: true, isGold },
        { ...base, context: texts[other] ?? '', answerable: false, isGold: null },
      ]
    },
  )
}

function clapnqRows(): Row[] {
  type Line = { context: string; question: string; response: string; label: number; group: string }
  return load<Line>('qa/clapnq').map(({ context, question, response, label, group }) => {
    const wanted = new Set(termsOf(response))
    // The set names no sentence: one counts when at least half of its words stand in the written answer.
    const isGold = (sentence: string) => {
      const words = termsOf(sentence)
      return words.length > 2 && words.filter((word) => wanted.has(word)).length >= words.length / 2
    }
    return {
      set: 'clapnq',
      group,
      question,
      context,
      answerable: label === 1,
      isGold: label === 1 ? isGold : null,
    }
  })
}

function pubmedRows(): Row[] {
  const lines = load<{ id: string; context: string; question: string }>('qa/pubmedqa')
  const texts = lines.map(({ context }) => context)
  const bm25 = createBm25(texts.map(termsOf))
  return lines.flatMap(({ id, context, question }, at) => {
    const other = hardPartner(texts, bm25.scores(termsOf(question)), at, [])
    const base = { set: 'pubmedqa', group: id, question, isGold: null }
    return [
      { ...base, context, answerable: true },
      { ...base, context: texts[other] ?? '', answerable: false },
    ]
  })
}

const provider = createLocalProvider({
  folders: [new URL('../models', import.meta.url).pathname],
  hub: { enabled: false, cacheFolder: new URL('../models', import.meta.url).pathname },
})
const cache = new Map<string, Float32Array>()

async function embed(texts: readonly string[]): Promise<Float32Array[]> {
  const input = [...new Set(texts)].filter((text) => !cache.has(text))
  if (input.length > 0) {
    const body = await new Promise<string>((resolve, reject) => {
      let received = ''
      provider.call(
        {
          operation: 'embeddings',
          model: 'embed',
          parsed: { input, encoding_format: 'base64' },
          body: Buffer.alloc(0),
          stream: false,
          includeUsage: false,
          requestId: 'bench',
          timeouts: { connectMs: 60_000, firstByteMs: 60_000, idleMs: 60_000, totalMs: 60_000 },
        },
        {
          onHead: () => undefined,
          onData: (chunk) => {
            received += chunk.toString()
          },
          onEnd: () => resolve(received),
          onError: reject,
        },
      )
    })
    const { data } = JSON.parse(body) as { data: { embedding: string; index: number }[] }
    for (const { embedding, index } of data) {
      const bytes = Buffer.from(embedding, 'base64')
      cache.set(
        input[index] ?? '',
        Float32Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4)),
      )
    }
  }
  return texts.map((text) => cache.get(text) ?? new Float32Array(0))
}

/** Of a sample in which one of the labels is missing. */
function orNaN(value: number | null | undefined): number {
  return value ?? Number.NaN
}

/** Percentile interval over resampled groups; `measure` sees the cases of one resample. */
function bootstrap(cases: readonly Case[], measure: (sample: readonly Case[]) => number): Interval {
  const groups = [...Map.groupBy(cases, ({ group }) => group).values()]
  const random = seededRandom(7)
  const values = Array.from({ length: RESAMPLES }, () =>
    measure(groups.flatMap(() => groups[Math.floor(random() * groups.length)] ?? [])),
  ).sort((a, b) => a - b)
  return {
    value: measure(cases),
    low: values[Math.floor(RESAMPLES * 0.025)] ?? 0,
    high: values[Math.floor(RESAMPLES * 0.975)] ?? 0,
  }
}

/** Each way to order the sentences of one case; higher is better. Ranked cases keep the text's order in `position`. */
type Ranker = (features: readonly number[], position: number, text: string, question: string) => number
const positionOf = new WeakMap<RankedSentence, number>()
const RANKERS: Record<string, Ranker> = {
  'first sentence': (_, position) => -position,
  random: (_, position, text) => createHash('md5').update(`${position}${text}`).digest().readUInt32LE(0),
  'longest overlap': (_, __, text, question) => {
    const asked = new Set(termsOf(question))
    return new Set(termsOf(text).filter((term) => asked.has(term))).size
  },
  'BM25 only': (features) => features[3] ?? 0,
  'cosine only': (features) => features[1] ?? 0,
  reader: (features) => SENTENCE_WEIGHTS.reduce((sum, weight, at) => sum + weight * (features[at] ?? 0), 0),
}

/** Share of the questions with a known answer sentence whose first `depth` sentences hold one. */
function hitRate(ranker: Ranker, depth: number): (sample: readonly Case[]) => number {
  const known = new Map<Case, boolean | null>()
  const judge = (one: Case) => {
    if (!one.gold?.some(Boolean)) return null
    const scored = one.ranked.map((sentence, at) => ({
      at,
      score: ranker(sentence.features, positionOf.get(sentence) ?? at, sentence.text, one.question),
    }))
    return scored
      .sort((left, right) => right.score - left.score)
      .slice(0, depth)
      .some(({ at }) => one.gold?.[at])
  }
  return (sample) => {
    let asked = 0
    let found = 0
    for (const one of sample) {
      const hit = known.has(one) ? known.get(one) : judge(one)
      known.set(one, hit ?? null)
      if (hit === null || hit === undefined) continue
      asked += 1
      if (hit) found += 1
    }
    return found / asked
  }
}

const SCORERS: Record<string, (one: Case) => number> = {
  random: ({ question, context }) =>
    createHash('md5')
      .update(question + context)
      .digest()
      .readUInt32LE(0),
  'longest overlap': (one) =>
    Math.max(
      0,
      ...one.ranked.map(
        (sentence) => RANKERS['longest overlap']?.(sentence.features, 0, sentence.text, one.question) ?? 0,
      ),
    ),
  'BM25 only': ({ ranked }) => Math.max(0, ...ranked.map(({ features }) => features[3] ?? 0)),
  'cosine only': ({ ranked }) => Math.max(0, ...ranked.map(({ features }) => features[1] ?? 0)),
  reader: ({ ranked }) => answerProbability(ranked),
}

const cases: Case[] = []
for (const row of [...xquadRows(), ...clapnqRows(), ...pubmedRows()]) {
  const ranked = await rankSentences(embed, {
    question: row.question,
    blocks: [{ number: 1, text: row.context }],
  })
  for (const sentence of ranked)
    positionOf.set(sentence, row.context.replace(/\s+/gu, ' ').indexOf(sentence.text))
  const gold = row.isGold === null ? null : ranked.map(({ text }) => row.isGold?.(text) ?? false)
  cases.push({ ...row, ranked, gold, held: isHeld(row.group) })
}
await provider.close()

if (process.argv.includes('--fit')) printFit()
else report()

function printFit(): void {
  const own = cases.filter(({ held }) => !held)
  const judged = own.filter(({ gold, answerable }) => gold?.some(Boolean) || !answerable)
  const rows = judged.flatMap(({ ranked }) => ranked.map(({ features }) => features))
  const labels = judged.flatMap(({ ranked, gold }) => ranked.map((_, at) => gold?.[at] ?? false))
  // One question counts once in each set, however many sentences its text has.
  const sizes = Map.groupBy(judged, ({ set }) => set)
  const weights = judged.flatMap(({ ranked, set }) =>
    ranked.map(() => 1 / ranked.length / (sizes.get(set)?.length ?? 1)),
  )
  const sentence = fitLogistic(rows, labels, weights, true)
  const score = ({ features }: RankedSentence) =>
    sentence.reduce((sum, weight, at) => sum + weight * (features[at] ?? 0), 0)
  const ranked = (one: Case) =>
    one.ranked.map((each) => ({ ...each, score: score(each) })).sort((a, b) => b.score - a.score)
  const answerRows = own.filter((one) => one.ranked.length > 0)
  const perSet = Map.groupBy(answerRows, ({ set }) => set)
  const answer = fitLogistic(
    answerRows.map((one) => answerFeatures(ranked(one))),
    answerRows.map(({ answerable }) => answerable),
    answerRows.map(({ set }) => 1 / (perSet.get(set)?.length ?? 1)),
    true,
  )
  const probability = (one: Case) => {
    const features = answerFeatures(ranked(one))
    return 1 / (1 + Math.exp(-answer.reduce((sum, weight, at) => sum + weight * (features[at] ?? 0), 0)))
  }
  // The mean over sets of balanced accuracy, so that the largest set does not decide alone.
  const sets = [...perSet.values()].map((each) => ({
    scores: each.map(probability),
    labels: each.map(({ answerable }) => answerable),
  }))
  const mean = (threshold: number) =>
    sets.reduce((sum, { scores, labels: own }) => sum + orNaN(balancedAccuracy(scores, own, threshold)), 0) /
    sets.length
  const thresholds = Array.from({ length: 99 }, (_, at) => (at + 1) / 100)
  const threshold = thresholds.reduce((best, each) => (mean(each) > mean(best) ? each : best))
  console.log(
    JSON.stringify(
      { names: FEATURE_NAMES, sentence, answer, threshold, meanBalancedAccuracy: mean(threshold) },
      null,
      2,
    ),
  )
}

function report(): void {
  const show = ({ value, low, high }: Interval) =>
    `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`
  const results: Record<string, unknown>[] = []
  for (const [set, own] of Map.groupBy(cases, (one) => one.set)) {
    const held = own.filter((one) => one.held)
    const calibration = own.filter((one) => !one.held)
    for (const name of Object.keys(RANKERS)) {
      const ranker = RANKERS[name]
      const scorer = SCORERS[name]
      const line: Record<string, unknown> = { set, method: name, questions: held.length }
      if (ranker !== undefined && held.some(({ gold }) => gold?.some(Boolean))) {
        line.top1 = bootstrap(held, hitRate(ranker, 1))
        line.top3 = bootstrap(held, hitRate(ranker, 3))
      }
      if (scorer !== undefined) {
        const labelsOf = (sample: readonly Case[]) => sample.map(({ answerable }) => answerable)
        // A floor gets the best threshold of this set's calibration half; the reader one threshold for all sets.
        const threshold =
          name === 'reader'
            ? ANSWER_THRESHOLD
            : orNaN(bestThreshold(calibration.map(scorer), labelsOf(calibration))?.threshold)
        const memo = new Map(held.map((one) => [one, scorer(one)]))
        const scoresOf = (sample: readonly Case[]) => sample.map((one) => memo.get(one) ?? 0)
        line.auroc = bootstrap(held, (sample) => orNaN(auroc(scoresOf(sample), labelsOf(sample))))
        line.balancedAccuracy = bootstrap(held, (sample) =>
          orNaN(balancedAccuracy(scoresOf(sample), labelsOf(sample), threshold)),
        )
        line.answered = scoresOf(held).filter((score) => score >= threshold).length / held.length
      }
      results.push(line)
    }
  }
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ threshold: ANSWER_THRESHOLD, resamples: RESAMPLES, results }))
    return
  }
  console.log(
    `Held-out half of each set, 95 % cluster bootstrap, ${RESAMPLES} resamples. Reader threshold ${ANSWER_THRESHOLD}.`,
  )
  for (const line of results) {
    const cell = (value: unknown) =>
      value === undefined ? '–'.padEnd(22) : show(value as Interval).padEnd(22)
    console.log(
      `${String(line.set).padEnd(9)} ${String(line.method).padEnd(16)} n ${String(line.questions).padEnd(5)} top1 ${cell(line.top1)} top3 ${cell(line.top3)} auroc ${cell(line.auroc)} bacc ${cell(line.balancedAccuracy)}`,
    )
  }
}
