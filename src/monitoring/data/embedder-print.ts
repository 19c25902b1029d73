/** Whether an embedding model is still the one that it was: by the hash of its files, and by its vectors of fixed texts. */

import { cosineOf, type Embedder, embedTexts } from '../../retrieval/embed.ts'
import { PROBE_BAR, PROBES } from '../../retrieval/probe.ts'
import type { EmbedderPrint, Finding } from './finding.ts'

/** Rejects with UpstreamError. `prefix` is what the model wants before a query. */
export async function printOf(
  embedder: Embedder,
  {
    digest,
    prefix,
    requestId,
    signal,
  }: { digest: string | null; prefix: string; requestId: string; signal: AbortSignal },
): Promise<EmbedderPrint> {
  const texts = PROBES.map((text) => prefix + text)
  const { vectors } = await embedTexts(embedder, texts, requestId, signal)
  return {
    digest,
    probes: vectors.map((vector) => Array.from(vector, (value) => Math.round(value * 1e5) / 1e5)),
  }
}

/** `before` is null for the first print of a model. Vectors of another dimension are another model's. */
export function comparePrints(
  name: string,
  before: EmbedderPrint | null,
  now: EmbedderPrint,
  seed: number,
): Finding {
  const nearest = before === null ? 1 : leastCosine(before.probes, now.probes)
  const isOther = nearest < PROBE_BAR
  const hasOtherFiles =
    before !== null && before.digest !== null && now.digest !== null && before.digest !== now.digest
  return {
    feature: `embedder:${name}`,
    method: 'probe-cosine@1',
    recentSize: now.probes.length,
    baselineSize: before?.probes.length ?? 0,
    seed,
    statistic: nearest,
    p: null,
    adjustedP: null,
    effect: 1 - nearest,
    bar: 1 - PROBE_BAR,
    levels: null,
    reason: reasonOf(name, isOther, hasOtherFiles, before === null),
    terms: null,
    left: null,
    print: now,
    verdict: isOther || hasOtherFiles ? 'drift' : 'same',
  }
}

function reasonOf(name: string, isOther: boolean, hasOtherFiles: boolean, isFirst: boolean): string | null {
  if (isFirst) return 'Seen for the first time; from now on it is held to these vectors.'
  if (hasOtherFiles) return `${name} has other files than before: its hash is another one.`
  return isOther
    ? `${name} gives other vectors of the same texts than before: other weights behind its name.`
    : null
}

function leastCosine(before: EmbedderPrint['probes'], now: EmbedderPrint['probes']): number {
  return before.reduce((least, vector, at) => {
    const other = now[at] ?? []
    if (other.length !== vector.length) return 0
    return Math.min(least, cosineOf(Float32Array.from(vector), Float32Array.from(other)))
  }, 1)
}
