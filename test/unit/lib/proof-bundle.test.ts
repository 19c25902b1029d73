/** Bundles are only made of what is in the signed tree. That they verify is shown with docs/verify.mjs. */

import { describe, expect, test } from 'vitest'
import { BundleError, type BundleReason, buildProofBundle } from '../../../src/lib/proof-bundle.ts'
import { busyLog, streamed } from '../../support/proof-log.ts'

function reasonOf(run: () => unknown): BundleReason | 'made' {
  try {
    run()
  } catch (error) {
    if (error instanceof BundleError) return error.reason
    throw error
  }
  return 'made'
}

describe('a bundle', () => {
  const log = busyLog()
  const tree = log.tree()
  const records = log.of('req_a')

  test('holds the records in the order of the log, with their bytes and places', () => {
    const bundle = buildProofBundle({ requestId: 'req_a', records: records.toReversed(), tree })

    expect(bundle).toMatchObject({
      format: 'aval-proof/1',
      origin: 'log.example/wrt_1',
      request_id: 'req_a',
      writer: 'wrt_1',
      checkpoint: tree.checkpoint,
    })
    expect(bundle.records.map(({ type }) => type)).toEqual(['open', 'part', 'part', 'close'])
    expect(Buffer.from(bundle.records[0]!.first!, 'base64').toString()).toBe('{"ask":"req_a"}')
    expect(bundle.records.map(({ meta }) => meta)).toEqual(records.map(({ meta }) => meta))
  })

  test('leaves out bodies that are not given, and what was not asked for', () => {
    const bundle = buildProofBundle({
      requestId: 'req_a',
      records: records.map(({ first: _, second: __, ...record }) => record),
      tree,
    })

    expect(bundle.records.flatMap((record) => Object.keys(record))).not.toContain('first')
    expect(bundle.records[0]!.first_sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(Object.keys(bundle)).not.toContain('consistency')
    expect(Object.keys(bundle)).not.toContain('erased')
  })

  test('is not made before a checkpoint covers all of it', () => {
    const size = records.at(-1)!.seq

    expect(reasonOf(() => buildProofBundle({ requestId: 'req_a', records, tree: log.tree(size) }))).toBe(
      'not_covered',
    )
    expect(reasonOf(() => buildProofBundle({ requestId: 'req_a', records, tree: log.tree(size + 1) }))).toBe(
      'made',
    )
  })

  test('is not made of records that were altered', () => {
    const altered = records.map((record) => ({ ...record, wallMs: record.wallMs + 1 }))

    expect(reasonOf(() => buildProofBundle({ requestId: 'req_a', records: altered, tree }))).toBe(
      'not_in_tree',
    )
  })

  test('is not made of bodies that were altered', () => {
    const altered = records.map((record) => ({ ...record, first: Buffer.from('other') }))

    expect(reasonOf(() => buildProofBundle({ requestId: 'req_a', records: altered, tree }))).toBe(
      'body_altered',
    )
  })

  test('is not made of leaves that are not what was signed', () => {
    const leaves = Buffer.from(tree.leaves)
    leaves[0]! ^= 1

    expect(reasonOf(() => buildProofBundle({ requestId: 'req_a', records, tree: { ...tree, leaves } }))).toBe(
      'not_in_tree',
    )
  })

  test('is not made with the checkpoint of another writer', () => {
    for (const writer of ['wrt_2', 'log.example/wrt_1', '']) {
      expect(
        reasonOf(() => buildProofBundle({ requestId: 'req_a', records, tree: { ...tree, writer } })),
      ).toBe('wrong_origin')
    }
  })

  test('is made in a log of many records', () => {
    const large = busyLog()
    for (let at = 0; at < 700; at += 1) large.append(...streamed(`req_${at}`, 1))

    const bundle = buildProofBundle({
      requestId: 'req_500',
      records: large.of('req_500'),
      tree: large.tree(),
      olderSize: 1234,
    })

    expect(bundle.records.map(({ proof }) => proof.length)).toEqual([12, 12, 12])
    expect(bundle.consistency!.length).toBeGreaterThan(5)
  })
})
