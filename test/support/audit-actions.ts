/** Audit actions for command lines under test that never call them. */

import type { AuditActions } from '../../src/cli/context.ts'

export function noAuditActions(): AuditActions {
  const refuse = async (): Promise<never> => {
    throw new Error('This test gives no log to read.')
  }
  return { verify: refuse, prove: refuse, rotateKey: refuse, keys: refuse }
}
