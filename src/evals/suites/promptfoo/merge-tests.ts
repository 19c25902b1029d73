/** One test of promptfoo over another: over the default test, or over a set of a scenario. Pure. */

import { isJsonObject } from '../../../lib/json.ts'
import type { PromptfooTest } from './shape.ts'

/** Assertions of both count, the base's first, unless they are not wanted; of all else the test's own wins. */
export function mergeTests(
  base: PromptfooTest,
  test: PromptfooTest,
  { inheritsAssertions = true }: { inheritsAssertions?: boolean } = {},
): PromptfooTest {
  return {
    ...base,
    ...test,
    vars: mergeVars(base.vars ?? {}, test.vars ?? {}),
    assert: [...(inheritsAssertions ? (base.assert ?? []) : []), ...(test.assert ?? [])],
    metadata: { ...base.metadata, ...test.metadata },
    options: { ...base.options, ...test.options },
    threshold: test.threshold ?? base.threshold,
  }
}

type Vars = NonNullable<PromptfooTest['vars']>

/** Variables that stand in files stay so, that the test is left out and not run without them. */
function mergeVars(base: Vars, own: Vars): Vars {
  if (!isJsonObject(base)) return base
  return isJsonObject(own) ? { ...base, ...own } : own
}
