/** What a card's page shows beside the card: what became of the release since. Pure. */

import type { Block, Section } from './page.ts'
import type { CardSince } from './since.ts'

/** `isKept`: the card has a hash, which covers none of this. */
export function sinceSections(since: CardSince, isKept: boolean): Section[] {
  const { labels, promotion, approvals, canary, moves, drift } = since
  const title = isKept ? 'Since then' : 'Where it stands'
  const head: Section = {
    title,
    blocks: [
      ...(isKept
        ? [{ kind: 'text', text: 'Not part of the card: its hash covers what stands above.' } as const]
        : []),
      {
        kind: 'facts',
        facts: [
          ['served by the labels', labels.length === 0 ? 'none' : labels.join(', ')],
          ...(promotion === null
            ? []
            : [['promotion', `${promotion.id} is ${promotion.state}: ${promotion.note}`] as const]),
          ...(canary === null
            ? []
            : [
                [
                  'canary',
                  `${canary.looks} looks; the last one, at ${canary.at} in stage ${canary.stage + 1}: ${canary.decision}`,
                ] as const,
              ]),
        ],
      },
    ],
  }
  return [
    head,
    { title: `${title}: approvals`, blocks: [approvalsBlock(approvals)] },
    { title: `${title}: moves of labels`, blocks: [movesBlock(moves)] },
    { title: `${title}: drift`, blocks: [driftBlock(drift)] },
  ]
}

function approvalsBlock(approvals: CardSince['approvals']): Block {
  if (approvals.length === 0) return { kind: 'text', text: 'Nobody has approved or rejected it.' }
  return {
    kind: 'table',
    head: ['when', 'answer', 'who', 'key', 'role', 'why', 'signed'],
    rows: approvals.map(({ at, answer, person, by, role, reason, evidence_hash: signed }) => [
      ...[at, answer, person, by, role, reason, signed],
    ]),
  }
}

function movesBlock(moves: CardSince['moves']): Block {
  if (moves.length === 0) return { kind: 'text', text: 'No label has pointed to it.' }
  return {
    kind: 'table',
    head: ['when', 'label', 'by', 'why', 'decision'],
    rows: moves.map(({ at, label, by, reason, decision }) => [at, label, by, reason, decision]),
  }
}

/** Of the route, whichever release served it: the moves above say which. */
function driftBlock(drift: CardSince['drift']): Block {
  if (drift.length === 0)
    return {
      kind: 'text',
      text: 'No alert of its route since it was made. Watched is what has traffic enough.',
    }
  return {
    kind: 'table',
    head: ['began', 'ended', 'figure', 'change', 'because', 'looked after by', 'alert'],
    rows: drift.map(
      ({ id, metric, change, began_at: began, ended_at: ended, because, acknowledged_by: by }) => [
        ...[began, ended ?? 'lasts', metric, change, because ?? 'not explained', by ?? 'nobody', id],
      ],
    ),
  }
}
