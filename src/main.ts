#!/usr/bin/env -S node --max-semi-space-size=32 --initial-old-space-size=96
/** The first file to run: what has to be set before anything else is loaded, and then the program. */

import { startCompileCache } from './config/compile-cache.ts'
import { holdYoungGeneration } from './lib/young-generation.ts'

const command = process.argv[2]
startCompileCache(command)
// Both let go once they have started; other commands end soon.
if (command === 'serve' || command === 'work') holdYoungGeneration()
await import('./program.ts')
