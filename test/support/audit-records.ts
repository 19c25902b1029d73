/** Records as the gateway would hand them over, for tests of the audit room. */

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditSecrets } from '../../src/audit/audit.ts'
import type { CloseRecord, EventRecord, OpenRecord } from '../../src/audit/record.ts'
import { generatePrivateKey } from '../../src/lib/ed25519.ts'
import { newId } from '../../src/lib/ids.ts'

export function anOpen(changes: Partial<OpenRecord> = {}): OpenRecord {
  const startedAtMs = changes.startedAtMs ?? Date.now()
  return {
    id: newId('req', startedAtMs),
    startedAtMs,
    projectId: 'prj_default',
    keyId: 'vk_app',
    keyName: 'app',
    method: 'POST',
    path: '/v1/chat/completions',
    operation: 'chat',
    requestedModel: 'support-answer',
    route: 'support-answer',
    stream: false,
    clientRequestId: null,
    subject: null,
    dataKey: null,
    ...changes,
  }
}

export function aClose(id: string, changes: Partial<CloseRecord> = {}): CloseRecord {
  return {
    id,
    outcome: 'completed',
    status: 200,
    errorCode: null,
    upstream: 'openai',
    model: 'gpt-5-mini',
    attempts: [
      {
        upstream: 'openai',
        model: 'gpt-5-mini',
        startedMs: 0.4,
        durationMs: 210.5,
        status: 200,
        error: null,
        detail: null,
        upstreamRequestId: 'req-upstream-1',
      },
    ],
    usage: { inputTokens: 12, outputTokens: 34, cachedInputTokens: null, reasoningTokens: 0 },
    finishReason: 'stop',
    ttftMs: null,
    durationMs: 211.25,
    requestBytes: 100,
    responseBytes: 200,
    truncated: false,
    occurrences: 1,
    ...changes,
  }
}

export function aFolder(): string {
  return mkdtempSync(join(tmpdir(), 'aval-audit-'))
}

/** The same audit key every time, so that a second start reads what a first one sealed. */
export function auditSecrets(): AuditSecrets {
  return { auditKey: Buffer.alloc(32, 7), signingKey: generatePrivateKey() }
}

export function anEvent(changes: Partial<EventRecord> = {}): EventRecord {
  const atMs = changes.atMs ?? Date.now()
  return {
    id: newId('evt', atMs),
    kind: 'access',
    atMs,
    projectId: 'prj_default',
    actorId: 'vk_auditor',
    actorName: 'auditor',
    action: 'requests.list',
    target: null,
    purpose: 'a test',
    detail: { rows: 1 },
    ...changes,
  }
}
