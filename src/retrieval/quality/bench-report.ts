/** What a run over public sets says besides its figures: what was indexed, with which model, how fast. Pure. */

import type { MeasuredSet } from './measure-set.ts'
import { qualityJson, qualityText } from './report.ts'

export type BenchHead = { model: string; language: string; measured: readonly MeasuredSet[] }

export function benchText({ model, measured }: BenchHead): string {
  return measured.map((set) => `${qualityText([set.report])}\n${aboutText(model, set)}`).join('\n')
}

function aboutText(
  model: string,
  { manifest, documents, chunks, candidates, buildMs, latency }: MeasuredSet,
) {
  const { chunker, embedding } = manifest
  const weights = embedding.digest === null ? '' : `, weights ${embedding.digest.slice(0, 12)}`
  const times = latency.map(({ name, p50Ms, p95Ms }) => `${name} ${p50Ms.toFixed(1)} (${p95Ms.toFixed(1)})`)
  return [
    `index     ${documents} documents in ${chunks} chunks (${chunker.kind}, at most ${chunker.maxTokens} tokens), built in ${(buildMs / 1000).toFixed(1)} s`,
    `model     ${model}, ${embedding.dimensions} dimensions${weights}`,
    `searches  ${candidates} candidates of each list; p50 (p95) ms: ${times.join(', ')}`,
  ]
    .map((line) => `${line}\n`)
    .join('')
}

export function benchJson({ model, language, measured }: BenchHead): object {
  return {
    model,
    language,
    sets: measured.map(({ report, manifest, documents, chunks, candidates, buildMs, latency }) => ({
      ...qualityJson([report])[0],
      documents,
      chunks,
      chunker: {
        kind: manifest.chunker.kind,
        max_tokens: manifest.chunker.maxTokens,
        overlap_tokens: manifest.chunker.overlapTokens,
      },
      dimensions: manifest.embedding.dimensions,
      weights: manifest.embedding.digest,
      candidates,
      build_ms: Math.round(buildMs),
      latency: latency.map(({ name, p50Ms, p95Ms }) => ({ name, p50_ms: p50Ms, p95_ms: p95Ms })),
    })),
  }
}
