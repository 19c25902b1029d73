import { expect, test } from 'vitest'
import { resultLines } from '../../../src/providers/result-lines.ts'

test('lines come whole however a file is cut, and one that is too long holds up none behind it', async () => {
  const text = Buffer.from('one\n\nfar too long a line\ntwo\nthree')
  const cut = async (size: number) => {
    async function* chunks() {
      for (let at = 0; at < text.length; at += size) yield text.subarray(at, at + size)
    }
    const lines: (string | null)[] = []
    for await (const line of resultLines(chunks(), 5)) lines.push(line?.toString() ?? null)
    return lines
  }

  for (const size of [1, 2, 7, 1000]) expect(await cut(size)).toEqual(['one', null, 'two', 'three'])
})
