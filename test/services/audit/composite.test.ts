import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compositeFields, compositeText } from '../../../src/audit/verify/composite.ts'
import { describeDatabases } from '../../support/database.ts'

/** What has a meaning between fields, and letters that some locales call spaces. */
const FIELD = fc.option(
  fc.string({
    unit: fc.constantFrom('a', 'é', '"', '\\', '(', ')', ',', ' ', '\t', '\u000b', '\u00a0', '\u2003', '😀'),
    maxLength: 6,
  }),
  { nil: null },
)

describeDatabases('a row as one text', (open) => {
  test('has the fields that the database put in, and most often the text that is expected', async () => {
    const rows = fc.sample(fc.tuple(FIELD, FIELD, FIELD), { numRuns: 400, seed: 7 })
    const written = await open().sql<{ text: string }[]>`
      SELECT ROW(a, b, c)::text AS text FROM jsonb_to_recordset(${JSON.stringify(
        rows.map(([a, b, c]) => ({ a, b, c })),
      )}::text::jsonb) AS row (a text, b text, c text)`

    expect(written.map(({ text }) => compositeFields(text))).toEqual(rows)
    const expected = rows.map((row) => compositeText(row))
    expect(expected.map((text) => compositeFields(text))).toEqual(rows)
    const same = expected.filter((text, at) => text === written[at]?.text)
    expect(same.length).toBeGreaterThan(rows.length / 2)
  })
})
