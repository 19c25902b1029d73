import { expect, test } from 'vitest'
import { candidatesFor } from '../../../../src/retrieval/quality/measure-set.ts'

test.each([
  ['one chunk a document: as many as a release has', { k: 100, chunks: 240, documents: 240 }, 100],
  ['several: about k documents are among them', { k: 100, chunks: 3_000, documents: 1_000 }, 300],
  ['a shallow ranking: no fewer than a release has', { k: 10, chunks: 3_000, documents: 1_000 }, 100],
  ['very many: no more than a graph is searched for', { k: 250, chunks: 90_000, documents: 1_000 }, 1_000],
  ['no document', { k: 10, chunks: 0, documents: 0 }, 100],
])('candidates for %s', (_case, { k, chunks, documents }, expected) => {
  expect(candidatesFor(k, chunks, documents)).toBe(expected)
})
