/** A model card with something in every section, written by hand, and the same with nothing known. */

import type { Card } from '../../src/promotion/cards/card.ts'
import type { ShownCard } from '../../src/promotion/cards/shown-card.ts'

const figure = (value: number, low: number | null, high: number | null) => ({
  value,
  low,
  high,
  method: 'bootstrap-t@1',
  items: 400,
  groups: 400,
})
const grounded = { suite: 'support', scorer: 'grounded', slice: null }
const answered = { suite: 'support', scorer: 'answered', slice: 'language = de' }

export const CARD: Card = {
  format: 'aval.model-card/1',
  route: 'support-answer',
  release: 'r12',
  release_hash: 'a'.repeat(64),
  made_at: '2026-11-28T12:00:00.000Z',
  made_by: 'ada',
  promotion: {
    id: 'prm_1',
    label: 'production',
    kind: 'promotion',
    policy: 'careful',
    policy_hash: 'b'.repeat(64),
    verdict_hash: 'c'.repeat(64),
    requested_by: 'ada',
    requested_at: '2026-11-28T12:30:00.000Z',
    reason: 'fewer wrong answers',
  },
  purpose: 'Answers from the handbook.',
  owner: 'support-team',
  variables: { type: 'object' },
  ingredients: [{ kind: 'prompt', name: 'support-answer@14', hash: 'd'.repeat(64) }],
  parameters: { temperature: 0 },
  retries: 1,
  retrieval: { limit: 6 },
  models: [
    {
      version: 'small@3',
      upstream: 'openai',
      model: 'gpt-4o-mini',
      weight: null,
      licence: null,
      context_window: 128_000,
      max_output_tokens: null,
      parameters: {},
      capabilities: { vision: false, tools: true, audio: null },
      notes: 'Weak at sums.',
      training: {
        fine_tune: 'ftn_1',
        base_model: 'openai/gpt-4o-mini',
        method: 'supervised',
        hyperparameters: { n_epochs: 3 },
        seed: 7,
        data: { dataset: 'refunds@3', hash: '1'.repeat(64), items: 40, digest: '2'.repeat(64) },
        validation: { dataset: 'held@1', hash: '3'.repeat(64), items: 10, digest: '4'.repeat(64) },
        job: 'ftjob-1',
        trained_tokens: 1000,
      },
      price: { input: '0.15', output: null, source: 'a list' },
    },
  ],
  data: {
    index: {
      version: 'handbook@5',
      source: 'handbook',
      snapshot: 'e'.repeat(64),
      documents: 400,
      embedding: 'local/embed',
      licences: [{ value: 'internal', count: 400 }],
      languages: [
        { value: 'en', count: 380 },
        { value: null, count: 20 },
      ],
    },
    datasets: [
      {
        suite: 'support',
        run: 'run_1',
        version: 'support-questions@7',
        hash: 'f'.repeat(64),
        split: 'test',
        items: 400,
        licences: [{ value: null, count: 400 }],
        languages: [{ value: 'en', count: 400 }],
      },
    ],
  },
  evaluation: {
    outcome: 'pass',
    alpha: 0.05,
    multiple: 'holm',
    reasons: [],
    suites: [
      {
        suite: 'support',
        run: 'run_1',
        run_hash: '1'.repeat(64),
        finished_at: '2026-11-28T12:20:00.000Z',
        items: 400,
        repeats: 2,
        seed: null,
        baseline: { run: 'run_0', subject: 'support-answer@r11', shared_items: 400 },
      },
    ],
    scorers: [
      {
        ...grounded,
        kind: 'grounded',
        version: 1,
        values: 'share',
        better: 'higher',
        decides: true,
        coverage: { scored: 796, abstained: 4, errors: 0, expected: 800 },
        estimate: figure(0.941, 0.921, 0.958),
        baseline: figure(0.912, 0.89, 0.934),
        difference: { ...figure(0.029, 0.008, null), p: 0.004, adjusted_p: 0.012 },
      },
    ],
    rules: [
      {
        ...grounded,
        rule: 'at_least',
        perturbation: null,
        bar: 0.9,
        verdict: 'pass',
        reason: 'at least 0.9 is demanded, and the mean lies between 0.92 and 0.962.',
        low: 0.92,
        high: 0.962,
        p: 0.0004,
        adjusted_p: 0.0008,
      },
    ],
  },
  judges: [
    {
      ...answered,
      models: ['openai/gpt-4o'],
      decides: true,
      calibration: 'cal_1',
      misses: [],
      truths: 120,
      kappa: { value: 0.81, low: 0.7, high: 0.9 },
      sensitivity: { value: 0.95, low: 0.9, high: 0.98 },
      specificity: { value: 0.9, low: 0.8, high: 0.96 },
      corrected: { value: 0.78, low: 0.69, high: 0.86, method: 'rogan-gladen@1', truths: 120 },
    },
  ],
  robustness: [
    {
      ...grounded,
      perturbation: 'names',
      pairs: 100,
      decided: 98,
      rate: figure(0.02, 0.006, 0.07),
      now_failing: 2,
      now_passing: 0,
    },
  ],
  failures: {
    total: 57,
    items: [
      {
        suite: 'support',
        run: 'run_1',
        item: 'shoes-7',
        scorer: 'grounded',
        failed: 2,
        decided: 2,
        reason: '1 of 3 sentences stands in a passage.',
      },
    ],
  },
  cost_and_latency: [
    {
      suite: 'support',
      run: 'run_1',
      answered: 799,
      failed: 1,
      cost_usd: '0.0000123',
      unpriced: 3,
      latency_p50_ms: 412.4,
      latency_p95_ms: 1_903.8,
    },
  ],
  missing: ['No licence of model small@3.'],
}

/** As it was promoted, and approved since. */
export const KEPT: ShownCard = {
  card: CARD,
  kept: {
    id: 'card_1',
    hash: '2'.repeat(64),
    content: '{}',
    createdAt: new Date('2026-11-28T12:31:00.000Z'),
  },
  since: {
    labels: ['production'],
    promotion: { id: 'prm_1', state: 'promoted', note: 'r12 serves everybody.', ended_at: null },
    approvals: [
      {
        answer: 'approve',
        by: 'grace-laptop',
        person: 'grace',
        role: 'approver',
        at: '2026-11-28T12:40:00.000Z',
        reason: 'The intervals are narrow.',
        evidence_hash: '3'.repeat(64),
      },
    ],
    canary: { looks: 12, decision: 'advance', stage: 2, at: '2026-11-28T13:00:00.000Z' },
    moves: [
      {
        label: 'production',
        at: '2026-11-28T13:10:00.000Z',
        by: 'ada',
        reason: 'better',
        decision: 'dec_1',
      },
    ],
    drift: [
      {
        id: 'alr_1',
        metric: 'cost_per_request',
        change: 'level',
        began_at: '2026-11-29T13:40:00.000Z',
        ended_at: null,
        because: 'output tokens +19 %   began with r12 (2026-11-29T13:38:00.000Z)',
        acknowledged_by: 'carla',
      },
    ],
  },
}

export const LIVE: ShownCard = {
  card: {
    ...CARD,
    promotion: null,
    purpose: null,
    owner: null,
    variables: null,
    retrieval: null,
    data: { index: null, datasets: [] },
    evaluation: null,
    judges: [],
    robustness: [],
    failures: null,
    cost_and_latency: [],
    missing: [],
  },
  kept: null,
  since: { labels: [], promotion: null, approvals: [], canary: null, moves: [], drift: [] },
}
