import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/snapshot.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // As in a running gateway, threads find their code compiled and load no compiler of TypeScript. It is WebAssembly,
    // and V8 may end a process in which threads that hold some begin and end (github.com/nodejs/node/issues/64500).
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/aval-tests', import.meta.url)) },
    // Two cores: more files at once only make each other slower.
    maxWorkers: 2,
  },
})
