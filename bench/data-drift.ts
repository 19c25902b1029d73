/**
 * Measures the comparison of windows on public questions: how often a share of another topic or language among the recent questions is
 * found, how often something is found where nothing changed, what a comparison takes, and whether another embedder is found.
 * `node bench/data-drift.ts --data DIR [--models DIR] [--repeats 20] [--quiet 200] [--size 1000]`. Seeded; needs `qa/nqopen`,
 * `qa/pubmedqa` and `retrieval/xquad-queries` of the folder.
 */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { detectLanguage } from '../src/evals/scorers/language.ts'
import { seededRandom } from '../src/lib/random.ts'
import { wilsonInterval } from '../src/lib/statistics/proportion.ts'
import { traitsOf } from '../src/monitoring/data/answer-traits.ts'
import { compareRequests } from '../src/monitoring/data/compare.ts'
import { comparePrints, printOf } from '../src/monitoring/data/embedder-print.ts'
import type { Finding } from '../src/monitoring/data/finding.ts'
import type { OpenedRequest, WindowName } from '../src/monitoring/data/sampled-request.ts'
import { judgeShift, liveShift, tellApart } from '../src/monitoring/data/tell-apart.ts'
import { createLocalProvider } from '../src/providers/local/local.ts'
import { type Embedder, embedTexts } from '../src/retrieval/embed.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    models: { type: 'string' },
    repeats: { type: 'string', default: '20' },
    quiet: { type: 'string', default: '200' },
    size: { type: 'string', default: '1000' },
  },
})
const FRACTIONS = [0.01, 0.05, 0.1, 0.2, 0.5]
const BATCH = 256
const folder = values.models ?? fileURLToPath(new URL('../models', import.meta.url))
const provider = createLocalProvider({ folders: [folder], hub: { enabled: false, cacheFolder: folder } })
const timeouts = { connectMs: 1_000, firstByteMs: 600_000, idleMs: 600_000, totalMs: 600_000 }
const embedder: Embedder = { upstream: 'local', provider, model: 'embed', timeouts }
const { signal } = new AbortController()
const size = Number(values.size)

type Question = { text: string; vector: Float32Array; language: string | null }

function load(path: string, field: string): string[] {
  const text = gunzipSync(readFileSync(`${values.data}/${path}.jsonl.gz`)).toString('utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => String((JSON.parse(line) as Record<string, unknown>)[field]))
}

/** Questions in German, made of parts: the public sets have English alone. */
function german(): string[] {
  const asks = [
    'Wann wurde',
    'Wer erfand',
    'Wo liegt',
    'Wie alt ist',
    'Warum gibt es',
    'Was kostet',
    'Seit wann steht',
    'Wem gehört',
  ]
  const things = [
    'das Rathaus',
    'die alte Brücke',
    'der größte Bahnhof',
    'das erste Telefon',
    'die längste Straße',
    'der neue Flughafen',
    'die bekannteste Oper',
    'das tiefste Bergwerk',
    'der älteste Verein',
    'die schnellste Bahn',
  ]
  const places = [
    'in Hamburg',
    'in der Schweiz',
    'am Bodensee',
    'nördlich der Donau',
    'im Harz',
    'bei Leipzig',
    'an der Nordsee',
    'in Österreich',
    'im Ruhrgebiet',
    'unweit von Köln',
    'in Thüringen',
    'am Main',
    'im Allgäu',
  ]
  return asks.flatMap((ask) => things.flatMap((thing) => places.map((place) => `${ask} ${thing} ${place}?`)))
}

async function embedAll(texts: readonly string[]): Promise<Question[]> {
  const questions: Question[] = []
  for (let from = 0; from < texts.length; from += BATCH) {
    const some = texts.slice(from, from + BATCH)
    const { vectors } = await embedTexts(embedder, some, 'bench', signal)
    for (const [at, vector] of vectors.entries())
      questions.push({ text: some[at] ?? '', vector, language: await detectLanguage(some[at] ?? '') })
  }
  return questions
}

function draw<Item>(items: readonly Item[], count: number, random: () => number): Item[] {
  const left = [...items]
  return Array.from({ length: count }, () => left.splice(Math.floor(random() * left.length), 1)[0] as Item)
}

function compare(
  recent: readonly Question[],
  baseline: readonly Question[],
  seed: number,
): { findings: Finding[]; cpuMs: number } {
  const requestsOf = (window: WindowName, some: readonly Question[]): OpenedRequest[] =>
    some.map(({ text, vector, language }, at) => ({
      window,
      id: `${window} ${at}`,
      subject: `${window} ${at}`,
      refusedVariables: false,
      filtered: false,
      search: null,
      words: { question: text, answer: traitsOf(''), language, vector },
    }))
  const requests = [...requestsOf('recent', recent), ...requestsOf('baseline', baseline)]
  const before = process.cpuUsage()
  const findings = compareRequests(requests, { seed })
  const { user } = process.cpuUsage(before)
  return { findings, cpuMs: user / 1000 }
}

/** Shares of comparisons that found drift: of any feature, and of each by itself. */
function measure(usual: readonly Question[], other: readonly Question[], fraction: number, repeats: number) {
  const found = new Map<string, number>()
  let cpuMs = 0
  let auc = 0
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const random = seededRandom(repeat * 7919 + 1)
    const pool = draw(usual, 2 * size, random)
    const changed = Math.round(fraction * size)
    const recent = [...draw(other, changed, random), ...pool.slice(changed, size)]
    const one = compare(recent, pool.slice(size), repeat + 1)
    cpuMs += one.cpuMs
    auc += one.findings.find(({ feature }) => feature === 'question_content')?.effect ?? 0.5
    const drifted = one.findings.filter(({ verdict }) => verdict === 'drift').map(({ feature }) => feature)
    for (const feature of drifted.length > 0 ? [...drifted, 'any'] : [])
      found.set(feature, (found.get(feature) ?? 0) + 1)
  }
  return { found, cpuMs: cpuMs / repeats, auc: auc / repeats }
}

function report(
  name: string,
  fraction: number,
  repeats: number,
  { found, cpuMs, auc }: ReturnType<typeof measure>,
): void {
  const any = found.get('any') ?? 0
  const { low, high } = wilsonInterval(any, repeats, 0.95)
  const parts = [...found]
    .filter(([feature]) => feature !== 'any')
    .map(([feature, count]) => `${feature} ${(count / repeats).toFixed(2)}`)
  console.log(
    `${name}\t${fraction}\tfound ${(any / repeats).toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}] of ${repeats}\tauc ${auc.toFixed(3)}\tcpu ${cpuMs.toFixed(0)} ms\t${parts.join(', ')}`,
  )
}

/** Weights moved a little, of the same dimension behind the same name: each vector is turned by noise of this length. */
async function swapped(): Promise<void> {
  const before = await printOf(embedder, { digest: null, prefix: '', requestId: 'bench', signal })
  for (const noise of [0.1, 0.2, 0.5, 1]) {
    let found = 0
    for (let repeat = 0; repeat < 100; repeat += 1) {
      const random = seededRandom(repeat)
      const probes = before.probes.map((probe) => {
        const scale = (noise / Math.sqrt(probe.length)) * Math.sqrt(12)
        const moved = probe.map((value) => value + (random() - 0.5) * scale)
        const length = Math.hypot(...moved)
        return moved.map((value) => value / length)
      })
      if (comparePrints('local/embed', before, { digest: null, probes }, 1).verdict === 'drift') found += 1
    }
    console.log(`embedder\tnoise ${noise}\tfound ${found} of 100`)
  }
  const same = await printOf(embedder, { digest: null, prefix: '', requestId: 'bench', signal })
  console.log(`embedder\tthe same\t${comparePrints('local/embed', before, same, 1).verdict}`)
}

/** A judge that gives `lenient` more to all it judges, noise 0.15 between two looks; one of yes and no turns so many noes. */
function judges(): void {
  const normal = (random: () => number) =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  for (const kind of ['graded', 'yes or no'] as const) {
    for (const sentinels of [30, 50, 100, 200]) {
      const days = Array.from({ length: 200 }, (_, seed) =>
        daysUntil(kind, sentinels, seededRandom(seed), normal),
      )
      const within = (most: number) => (days.filter((day) => day <= most).length / days.length).toFixed(2)
      console.log(
        `judge +0.1\t${kind}\t${sentinels} sentinels\ton day 1 ${within(1)}, by day 3 ${within(3)}, by day 7 ${within(7)}`,
      )
    }
  }
}

/** The first day on which it is told as judge drift; 8 for none of seven. */
function daysUntil(
  kind: 'graded' | 'yes or no',
  sentinels: number,
  random: () => number,
  normal: (random: () => number) => number,
) {
  const says = (truth: number, lenient: number) => {
    const value = truth + lenient + 0.15 * normal(random)
    return kind === 'graded'
      ? Math.min(1, Math.max(0, value))
      : random() < 0.03
        ? Number(random() < 0.5)
        : Number(truth + lenient > 0.5)
  }
  const truths = Array.from({ length: sentinels }, () => random())
  const first = truths.map((truth) => says(truth, 0))
  const live = (lenient: number) => Array.from({ length: 300 }, () => says(random(), lenient))
  const earlier = live(0)
  for (let day = 1; day <= 7; day += 1) {
    const pairs = truths.map((truth, at) => ({ before: first[at] ?? 0, after: says(truth, 0.1) }))
    const { verdict } = tellApart({ judge: judgeShift(pairs).shift, live: liveShift(earlier, live(0.1)) })
    if (verdict === 'judge_drift') return day
  }
  return 8
}

judges()
if (values.data === undefined) console.log('Questions need --data DIR.')
else {
  const usual = await embedAll(load('qa/nqopen', 'question'))
  const others = {
    'another topic': await embedAll(load('qa/pubmedqa', 'question')),
    'another style': await embedAll(load('retrieval/xquad-queries', 'text')),
    'another language': await embedAll(german()),
  }
  await swapped()
  const quiet = Number(values.quiet)
  report('nothing changed', 0, quiet, measure(usual, usual, 0, quiet))
  const repeats = Number(values.repeats)
  for (const [name, other] of Object.entries(others))
    for (const fraction of FRACTIONS)
      report(name, fraction, repeats, measure(usual, other, fraction, repeats))
}
await provider.close()
