import { expect, test } from 'vitest'
import { commentText } from '../../../../src/cli/ci/comment.ts'
import { keptText, leftOutText, mixedText, unaskedText } from '../../../../src/cli/ci/notes.ts'
import { endText, planText } from '../../../../src/cli/ci/text.ts'
import { plainProse } from '../../../../src/lib/github-markdown.ts'
import { nothingMeasured } from '../../../support/check-outcome.ts'

const kept = { route: 'answers', kind: 'prompt', name: 'support', file: 2, pinned: 3 } as const
const mixed = { action: 'mixed', route: 'two', release: 4, model: 'mini' } as const

test('what is kept and what a person has to release are said in the same words on a terminal and in the comment', () => {
  const lines = planText({ pushes: [], candidates: [], kept: [kept], mixed: [mixed] })
  const comment = commentText(nothingMeasured({ kept: [kept], mixed: [mixed] }))

  expect(lines).toBe(`${keptText(kept)}\nleft alone: ${mixedText(mixed)}\n`)
  for (const note of [keptText(kept), mixedText(mixed)]) expect(comment).toContain(`- ${plainProse(note)}\n`)
})

test('a route that no named suite asks is named on a terminal as in the comment', () => {
  const outcome = nothingMeasured({ leftOut: ['answers'] })

  expect(endText(outcome)).toMatch(new RegExp(`^${leftOutText('answers')}\n`))
  expect(commentText(outcome)).toContain(`- ${plainProse(leftOutText('answers'))}\n`)
})

test('a release that is made of what nobody is served and no suite asks is said, and not that no route differs', () => {
  const unasked = { route: 'answers', release: 2 }
  const outcome = nothingMeasured({ unasked: [unasked] })
  const comment = commentText(outcome)

  expect(endText(outcome)).toBe(
    `${unaskedText(unasked, 'production')}\nnothing was measured, $0.00. No label was moved.\n`,
  )
  expect(comment).toContain('## Aval: nothing was measured\n')
  expect(comment).toContain(`- ${plainProse(unaskedText(unasked, 'production'))}\n`)
  expect(comment).not.toContain('No route differs')
})
