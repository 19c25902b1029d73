/** Which requests a shadow mirrors: of its label, answered whole, as many as its share says, and the same ones each time. */

import { describe, expect, test } from 'vitest'
import { chooseShadow, mayLeaveTraces } from '../../../../src/gateway/shadows/choose.ts'
import { envelopeOf, testDeps } from '../parts.ts'
import { answered, bookWith, SHADOW } from './parts.ts'

const deps = testDeps()

describe('a request is mirrored', () => {
  const book = bookWith()

  test('when a release of the label answered it whole', () => {
    expect(chooseShadow(book, answered(deps, book), 0)?.id).toBe('shd_1')
    const named = answered(deps, book, { body: { model: 'answer@production' } })
    expect(chooseShadow(book, named, 0)?.id).toBe('shd_1')
  })

  test.each<[string, Parameters<typeof answered>[2]]>([
    ['that was cut', { outcome: 'upstream_cut' }],
    ['whose caller left', { outcome: 'client_abort' }],
    ['that never ended', { outcome: null }],
    ['to another label', { body: { model: 'answer@staging' } }],
    ['to a release by its number', { body: { model: 'answer@r1' } }],
    ['of another operation', { envelope: envelopeOf(deps, { operation: 'responses' }) }],
    ['that is a replay', { envelope: envelopeOf(deps, { replayOf: 'req_0' }) }],
    ['that is mirrored itself', { envelope: envelopeOf(deps, { shadowOf: 'req_0' }) }],
    ['that the candidate itself answered', { plan: planOf('rel_2') }],
    ['without a release', { plan: planOf('none') }],
  ])('never %s', (_what, more) => {
    expect(chooseShadow(book, answered(deps, book, more), 0)).toBeNull()
  })

  test('never after the end, and never in another project', () => {
    const ended = bookWith([{ ...SHADOW, endsAtMs: 10 }])
    const elsewhere = bookWith([{ ...SHADOW, projectId: 'prj_other' }])

    expect(chooseShadow(ended, answered(deps, ended), 9)?.id).toBe('shd_1')
    expect(chooseShadow(ended, answered(deps, ended), 10)).toBeNull()
    expect(chooseShadow(elsewhere, answered(deps, elsewhere), 0)).toBeNull()
  })

  test('as often as the share says, and the same ones whenever it is reckoned again', () => {
    const fifth = bookWith([{ ...SHADOW, share: 2000 }])
    const ids = Array.from({ length: 2000 }, (_none, at) => `req_${at}`)
    const choose = () => ids.filter((id) => chooseShadow(fifth, answered(deps, fifth, { id }), 0) !== null)
    const chosen = choose()

    // 400 expected, standard deviation 18.
    expect(chosen.length).toBeGreaterThan(330)
    expect(chosen.length).toBeLessThan(470)
    expect(choose()).toEqual(chosen)
  })
})

test.each<[boolean, object]>([
  [false, {}],
  [false, { store: false, tools: [{ type: 'function', function: { name: 'f' } }, { type: 'custom' }] }],
  [true, { store: true }],
  [true, { web_search_options: {} }],
  [true, { tools: [{ type: 'function' }, { type: 'web_search' }] }],
  [true, { tools: ['code_interpreter'] }],
])('may leave traces at the upstream: %s for %j', (leaves, body) => {
  expect(mayLeaveTraces(body as never)).toBe(leaves)
})

function planOf(id: string) {
  const book = bookWith()
  return { ...answered(testDeps(), book).plan, release: book.byId('prj_default', id) }
}
