/** What promotions need, over a test's database: suites out of a table, verdicts made in this thread. */

import { readSuiteFile } from '../../src/evals/suites/suite.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createArmMemory } from '../../src/promotion/canary/arm-memory.ts'
import { promotionVerdict } from '../../src/promotion/evidence/verdict.ts'
import type { AdvanceDeps } from '../../src/promotion/requests/advance.ts'
import type { TestDatabase } from './database.ts'

/** `suites` are texts of `evals/<name>.yaml`. Records and bells go nowhere unless given. */
export function advanceDeps(
  { db, sql }: Pick<TestDatabase, 'db' | 'sql'>,
  suites: Readonly<Record<string, string>>,
): AdvanceDeps {
  return {
    db,
    sql,
    arms: createArmMemory(),
    clock: systemClock,
    readSuite: async (name) => {
      const text = suites[name]
      return text === undefined
        ? { problems: [`evals/${name}.yaml is not there.`] }
        : readSuiteFile(name, text)
    },
    runSuite: async () => undefined,
    decide: async (...given) => promotionVerdict(...given),
    record: async () => undefined,
    priceOf: () => null,
  }
}
