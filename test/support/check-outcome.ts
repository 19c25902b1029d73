/** Outcomes of a check, for tests: one route whose prompt has changed, with the suites that are given. */

import type { CheckOutcome, SuiteOutcome } from '../../src/cli/ci/outcome.ts'
import type { SuiteFile } from '../../src/cli/evals.ts'
import type { Candidate } from '../../src/cli/sync/plan.ts'

export const CANDIDATE: Candidate = {
  action: 'release',
  route: 'answers',
  release: 2,
  from: 1,
  changes: [{ kind: 'prompt', name: 'support', from: 1, to: 2 }],
  prompt: 'support',
  models: null,
  isThere: false,
  isServed: true,
}

export function suiteOutcome(exitCode: number, more: Partial<SuiteOutcome> = {}): SuiteOutcome {
  const verdict = exitCode === 0 ? 'pass' : 'fail'
  const runs = { run: 'run_1', baseline: 'run_0', isReused: false, cost: 0n, unpriced: 0 }
  return { suite: 'first', verdict, exitCode, reasons: [], ...runs, markdown: '', junit: null, ...more }
}

export function checkOutcome(...suites: SuiteOutcome[]): CheckOutcome {
  const route = { candidate: CANDIDATE, release: 2, isNew: true, prompt: null, suites }
  const notes = { leftOut: [], unasked: [], spared: [], kept: [], unreleased: [], mixed: [] }
  return { label: 'production', routes: [route], ...notes }
}

/** A check that found nothing to measure. */
export function nothingMeasured(more: Partial<CheckOutcome> = {}): CheckOutcome {
  return { ...checkOutcome(), routes: [], ...more }
}

/** `evals/<name>.yaml`, which asks `subject`. */
export function suiteFile(subject: string, name = subject): SuiteFile {
  const dataset = { name: 'd', version: null, file: null }
  return { name, body: { subject }, dataset, budgetUsd: null }
}
