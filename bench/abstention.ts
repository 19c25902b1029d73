/**
 * Measures the scorers `abstains`, `citation-recall` and `citation-precision` on the small labelled sets of test/fixtures, and with
 * `--data DIR` on answers of real models: `groundedness/ragtruth-qa` as it was answered, `qa/clapnq` and `qa/pubmedqa` as the
 * local reader answers them. `node bench/abstention.ts [--data DIR]`. Nothing is random.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { citationPrecision, citationRecall } from '../src/evals/groundedness/citation-scorers.ts'
import { cachedEmbed } from '../src/evals/groundedness/embed-cache.ts'
import { abstentionPhrase } from '../src/evals/scorers/abstention-phrases.ts'
import { wilsonInterval } from '../src/lib/statistics/proportion.ts'
import { createLocalProvider } from '../src/providers/local/local.ts'
import { readAnswer } from '../src/providers/local/reader/answer.ts'

type Labelled = { text: string; abstains: boolean }
type CitedCase = {
  id: string
  contexts: string[]
  output: string
  recall: number | null
  precision: number | null
}

const { values } = parseArgs({ options: { data: { type: 'string' } } })
const SHIPPED = fileURLToPath(new URL('../models', import.meta.url))
const provider = createLocalProvider({
  folders: [SHIPPED],
  hub: { enabled: false, cacheFolder: SHIPPED },
})
const timeouts = { connectMs: 1_000, firstByteMs: 600_000, idleMs: 600_000, totalMs: 600_000 }
const { signal } = new AbortController()
const embed = cachedEmbed({ upstream: 'local', provider, model: 'embed', timeouts }, 'bench')

const fixture = (path: string) =>
  readFileSync(new URL(`../test/fixtures/${path}`, import.meta.url), 'utf8')
    .trim()
    .split('\n')

function load<Row>(path: string): Row[] {
  const text = gunzipSync(readFileSync(`${values.data}/${path}.jsonl.gz`)).toString('utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
}

function rate(successes: number, trials: number): string {
  if (trials === 0) return '-'
  const { low, high } = wilsonInterval(successes, trials, 0.95)
  return `${(successes / trials).toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}] (${successes} of ${trials})`
}

function show(name: string, rows: readonly Labelled[]): void {
  const judged = rows.map(({ text, abstains }) => ({ abstains, found: abstentionPhrase(text) !== null }))
  const right = judged.filter(({ abstains, found }) => abstains && found).length
  const found = judged.filter((one) => one.found).length
  const there = judged.filter((one) => one.abstains).length
  console.log(`${name}\tprecision ${rate(right, found)}\trecall ${rate(right, there)}`)
}

function ownAnswers(): void {
  const rows = fixture('abstention/answers.tsv').map((line) => line.split('\t'))
  for (const part of ['seen', 'kept']) {
    const own = rows.filter(([name]) => name === part)
    show(
      `own, ${part}`,
      own.map(([, , label, text = '']) => ({ text, abstains: label === 'yes' })),
    )
  }
}

/** Of the half of the groups that was not read while the patterns were written; labels by reading. */
function ragtruth(): void {
  const read = new Set(fixture('abstention/ragtruth-ids.txt'))
  const isInstructed = (text: string) => /^unable to answer based on (?:the )?(?:given|provided)/i.test(text)
  const kept = load<{ id: string; group: string; response: string }>('groundedness/ragtruth-qa')
    .filter(({ group }) => (createHash('sha256').update(group).digest()[0] ?? 0) % 2 === 1)
    .map(({ id, response }) => ({ id, text: response.trim() }))
  const labelled = kept.map(({ id, text }) => ({ text, abstains: read.has(id) || isInstructed(text) }))
  show(`RAGTruth-QA, ${labelled.length} answers`, labelled)
  const free = labelled.filter(({ text }) => !isInstructed(text))
  show(`the same without the wording that was instructed, ${free.length}`, free)
}

/** The reader says itself what it did, so its own word is the label; `answerable` says what it should have done. */
async function reader(name: string): Promise<void> {
  const rows = load<{ context: string; question: string; label?: number }>(`qa/${name}`)
  const answers: (Labelled & { answerable: boolean })[] = []
  for (const { context, question, label } of rows) {
    const content = `[1] ${context.replaceAll('\n', ' ')}\n\nQuestion: ${question}`
    const { text, outcome } = await readAnswer(
      async (texts) => [...(await embed(texts, signal))],
      [{ role: 'user', text: content }],
    )
    answers.push({ text, abstains: outcome !== 'quoted', answerable: label !== 0 })
  }
  show(`local/reader, ${name}, ${rows.length} answers`, answers)
  for (const answerable of [true, false]) {
    const own = answers.filter((one) => one.answerable === answerable)
    const abstaining = own.filter(({ text }) => abstentionPhrase(text) !== null).length
    console.log(`  ${answerable ? 'answerable' : 'unanswerable'}: abstains ${rate(abstaining, own.length)}`)
  }
}

async function citations(): Promise<void> {
  const cases = fixture('citations/answers.jsonl').map((line) => JSON.parse(line) as CitedCase)
  const tools = { embed: async (texts: readonly string[]) => [...(await embed(texts, signal))] }
  for (const [kind, truth] of [
    [citationRecall, 'recall'],
    [citationPrecision, 'precision'],
  ] as const) {
    const score = kind.prepare({ threshold: undefined })
    for (const [group, own] of Map.groupBy(cases, ({ id }) => id.split('-').at(-1))) {
      const known = own.filter((one) => one[truth] !== null)
      if (known.length === 0) continue
      const outcomes = []
      for (const { output, contexts } of known)
        outcomes.push(await score({ ...EMPTY, output, contexts }, signal, { ...NOBODY, ...tools }))
      const values = outcomes.map((one) => (one.outcome === 'scored' ? one.value : null))
      const scored = values.filter((value) => value !== null).length
      const right = values.filter((value, at) => value === known[at]?.[truth]).length
      console.log(`${kind.kind}, ${group}\tright ${rate(right, scored)}\tabstained ${known.length - scored}`)
    }
  }
}

const EMPTY = {
  input: '',
  prompt: null,
  variables: {},
  toolCalls: [],
  finishReason: null,
  expected: null,
  assertions: null,
  retrieved: null,
  latencyMs: null,
  cost: null,
}
const NOBODY = {
  ask: async () => ({ kind: 'failed' as const, reason: 'nobody' }),
  evaluate: async () => ({ kind: 'returned' as const, value: true }),
}

ownAnswers()
await citations()
if (values.data !== undefined) {
  ragtruth()
  await reader('clapnq')
  await reader('pubmedqa')
}
await provider.close()
