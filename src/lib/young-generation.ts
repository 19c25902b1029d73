/**
 * How far V8's young generation grows while a process starts. Nearly all that a start allocates stays, so each
 * collection doubles the young generation, to all of `--max-semi-space-size` twice over, and V8 keeps its pages although
 * nothing is in them. Holds for every thread of the process. Never throws.
 */

import { setFlagsFromString } from 'node:v8'

/** Keeps it from growing: a collection reads this flag each time. What survives two of them is old, as ever. */
export function holdYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}

/** V8's own default: from now on it grows to what requests need. */
export function releaseYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=2')
}
