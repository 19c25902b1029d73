#!/usr/bin/env -S node --max-semi-space-size=32
/** The first file to run. It only turns the compile cache on, which has to happen before anything else is loaded. */

import { startCompileCache } from './config/compile-cache.ts'

startCompileCache(process.argv[2])
await import('./program.ts')
