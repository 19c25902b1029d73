/**
 * How long a gateway takes to compile a registry of 10,000 routes, and to serve from it. Prints one line each:
 *
 *   node bench/registry.ts --routes 10000
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { RegistryBook } from '../src/registry/releases/book.ts'
import { EMPTY_REGISTRY } from '../src/registry/releases/registry-data.ts'
import { largeRegistry, PROJECT } from './large-registry.ts'

const { values } = parseArgs({ options: { routes: { type: 'string', default: '10000' } } })
const routes = Number(values.routes)
const ROUNDS = 9
const LOOKUPS = 200_000

function median(times: readonly number[]): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? Number.NaN
}

const data = largeRegistry(routes)
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
