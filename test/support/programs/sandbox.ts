/** Runs code that never ends in a sandbox, and says the process of it on its first line. To be killed in the middle. */

import { openSandbox } from '../../../src/evals/sandbox/sandbox.ts'

const sandbox = openSandbox({
  computeMs: 60_000,
  killAfterMs: 60_000,
  onProcess: (pid) => process.stdout.write(`${pid}\n`),
})
const order = { form: 'body', exported: null, output: '', context: {}, unknown: [] } as const
await sandbox.evaluate({ ...order, code: 'for (;;);' }, new AbortController().signal)
