import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SCORER_KINDS } from '../../../../src/evals/scorers/registry.ts'
import { scorerTable } from '../../../support/scorer-table.ts'

const PAGE = readFileSync(new URL('../../../../docs/scorers.md', import.meta.url), 'utf8')

/** Without the padding that the formatter gives a table. */
const cells = (table: string) =>
  table
    .trim()
    .split('\n')
    .map((row) =>
      row
        .replace(/^\||\|$/g, '')
        .split(' | ')
        .map((cell) => cell.trim().replace(/^-+$/, '---')),
    )

test('docs/scorers.md has the kinds of the registry, with their own words', () => {
  const [, table = ''] = PAGE.split('## The kinds\n')

  expect(cells(table)).toEqual(cells(scorerTable(SCORER_KINDS)))
})

test('docs/scorers.md says how many kinds there are, and how many ask a model', () => {
  const judges = SCORER_KINDS.filter(({ judge }) => judge === true).length

  expect(PAGE).toContain(`Of ${SCORER_KINDS.length} kinds, ${SCORER_KINDS.length - judges} ask no model`)
  expect(PAGE).toContain(`The last ${judges} ask one`)
})

test('docs/judges.md has every judge', () => {
  const page = readFileSync(new URL('../../../../docs/judges.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z-]+)` /gm)].map(([, kind]) => kind)

  expect(rows).toEqual(SCORER_KINDS.filter(({ judge }) => judge === true).map(({ kind }) => kind))
})
