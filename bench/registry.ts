/**
 * How long a gateway takes to compile a registry of 10,000 routes, and to serve from it. Prints one line each:
 *
 *   node bench/registry.ts --routes 10000
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { contentOf } from '../src/registry/content.ts'
import { RegistryBook } from '../src/registry/releases/book.ts'
import { EMPTY_REGISTRY, type RegistryData } from '../src/registry/releases/registry-data.ts'

const { values } = parseArgs({ options: { routes: { type: 'string', default: '10000' } } })
const routes = Number(values.routes)
const PROJECT = 'prj_default'
const ROUNDS = 9
const LOOKUPS = 200_000

/** Each route with a prompt and a model of its own, two releases and a label with a canary. */
function registry(): RegistryData {
  const prompts = []
  const models = []
  const releases = []
  const labels = []
  for (let route = 0; route < routes; route += 1) {
    const name = `route-${route}`
    const prompt = contentOf({
      messages: [
        { role: 'system', content: `Answer only from the sources. ${'Cite them. '.repeat(40)}` },
        { role: 'user', content: '{{question}}' },
      ],
      variables: { type: 'object', required: ['question'], properties: { question: { type: 'string' } } },
    })
    const model = contentOf({ upstream: 'up', model: name, parameters: { temperature: 0 } })
    prompts.push({ projectId: PROJECT, name, version: 1, hash: prompt.hash, content: prompt.text })
    models.push({ projectId: PROJECT, name, version: 1, hash: model.hash, content: model.text })
    for (const number of [1, 2]) {
      const content = contentOf({
        route: name,
        prompt: { name, version: 1, hash: prompt.hash },
        targets: [{ model: { name, version: 1, hash: model.hash }, weight: null }],
        parameters: { seed: number },
        retries: 2,
      })
      const id = `rel_${route}_${number}`
      releases.push({
        id,
        projectId: PROJECT,
        route: name,
        number,
        hash: content.hash,
        content: content.text,
      })
    }
    labels.push({
      projectId: PROJECT,
      route: name,
      label: 'production',
      releaseId: `rel_${route}_1`,
      canaryReleaseId: `rel_${route}_2`,
      canaryWeight: 500,
    })
  }
  return { ...EMPTY_REGISTRY, version: '1', prompts, models, releases, labels }
}

function median(times: readonly number[]): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? Number.NaN
}

const data = registry()
const held = monitorEventLoopDelay({ resolution: 1 })
held.enable()
const compiled: number[] = []
let book = new RegistryBook(EMPTY_REGISTRY)
for (let round = 0; round < ROUNDS; round += 1) {
  const startedMs = performance.now()
  book = await RegistryBook.compile(data)
  compiled.push(performance.now() - startedMs)
}
console.log(
  `compile, ${routes} routes with 2 releases each: ${median(compiled).toFixed(1)} ms (bar 300), at most ${Math.max(...compiled).toFixed(1)}; the event loop is held for ${(held.max / 1e6).toFixed(1)} ms at most`,
)
held.disable()

const firstMs = performance.now()
for (let route = 0; route < routes; route += 1) {
  book.byLabel(PROJECT, `route-${route}`, 'production', 'someone')?.prompt()
}
console.log(
  `first request of a route, its prompt compiled: ${(((performance.now() - firstMs) * 1000) / routes).toFixed(1)} µs`,
)
const laterMs = performance.now()
for (let lookup = 0; lookup < LOOKUPS; lookup += 1) {
  book.byLabel(PROJECT, `route-${lookup % routes}`, 'production', `user-${lookup}`)?.prompt()
}
console.log(`every later one: ${(((performance.now() - laterMs) * 1000) / LOOKUPS).toFixed(2)} µs`)
