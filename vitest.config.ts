import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Whole processes first, then databases: a file of a minute that begins last leaves the other core idle. */
const FIRST = ['/test/e2e/', '/test/services/', '/test/contract/']

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = FIRST.findIndex((part) => moduleId.includes(part))
      return at < 0 ? FIRST.length : at
    }
    return (await super.sort(files)).toSorted((one, other) => place(one) - place(other))
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/snapshot.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // As in a running gateway, threads find their code compiled and load no compiler of TypeScript. It is WebAssembly,
    // and V8 may end a process in which threads that hold some begin and end (github.com/nodejs/node/issues/64500).
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/aval-tests', import.meta.url)) },
    // Half of the time of whole processes and databases is waiting: three files at once keep two cores busy.
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
  },
})
