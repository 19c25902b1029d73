import { expect, test } from 'vitest'
import { copiedColumns, copies, mayCopy } from '../../../src/db/session-copy.ts'

test.each([
  ['COPY t (a) FROM STDIN (FORMAT binary)', 1],
  ['copy t(a,b , c)from stdin with(format BINARY) ; \n', 3],
  ['COPY "log"."my ""table"", (x)" ("a, b", c$1, "FROM STDIN") FROM STDIN WITH (FORMAT binary)', 3],
])('%s is carried', (text, columns) => {
  expect(copiedColumns(text)).toBe(columns)
})

test.each([
  'COPY t FROM STDIN (FORMAT binary)',
  'COPY t () FROM STDIN (FORMAT binary)',
  'COPY t (a) FROM STDIN',
  'COPY t (a) FROM STDIN (FORMAT csv)',
  'COPY t (a) FROM STDIN (FORMAT binary, FREEZE)',
  'COPY t (a) FROM STDIN (FORMAT binary) WHERE a > 1',
  'COPY t (a) FROM STDIN (FORMAT binary); SELECT 1',
  'COPY t (a) FROM STDIN (FORMAT binary);;',
  'COPY t (a) FROM STDIN (FORMAT binary) -- so',
  'COPY t (a, ) FROM STDIN (FORMAT binary)',
  'COPY t (a; b) FROM STDIN (FORMAT binary)',
  'COPY a.b.c (a) FROM STDIN (FORMAT binary)',
  'COPY "t (a) FROM STDIN (FORMAT binary)',
  'COPY größe (a) FROM STDIN (FORMAT binary)',
  'COPY t (a) FROM STDOUT (FORMAT binary)',
  'COPY t (a) FROM /* here */ STDIN (FORMAT binary)',
  'EXPLAIN COPY t (a) FROM STDIN (FORMAT binary)',
])('%s is not carried, and noticed', (text) => {
  expect(copiedColumns(text)).toBeNull()
  expect(mayCopy(text)).toBe(true)
})

test.each([
  'COPY t TO STDOUT',
  'COPY (SELECT a FROM t) TO STDOUT',
  "COPY t (a) FROM '/dev/stdin.csv'",
  'SELECT 1',
])('%s begins no copy', (text) => {
  expect(copies(text)).toBe(false)
  expect(copiedColumns(text)).toBeNull()
})

test('text made to be slow to read is read at once', () => {
  const text = `copy t (${'"a" , '.repeat(20_000)}) from ${'/* */ -- \n from '.repeat(2_000)} in`

  expect(copiedColumns(text)).toBeNull()
  expect(copies(text)).toBe(false)
})
