/** A small public set on disk: twelve documents of a made-up shop, and questions to them. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const DOCUMENTS: readonly (readonly [id: string, text: string])[] = [
  ['shoes', 'Shoes may be returned within thirty days, unworn and in their box.'],
  ['invoice', 'An invoice is due fourteen days after delivery. Late payment costs interest.'],
  ['warranty', 'Every lamp has a warranty of five years against defects of the bulb.'],
  ['shipping', 'Parcels leave our warehouse on the day of the order and arrive in two days.'],
  ['gift', 'A gift card is valid for three years and can be paid out on request.'],
  ['opening', 'The shop opens at nine in the morning and closes at six in the evening.'],
  ['repair', 'Broken zippers of jackets are repaired free of charge in our workshop.'],
  ['size', 'Boots run small: choose one size more than you usually wear.'],
  ['washing', 'Wool pullovers are washed by hand in cold water and dried flat.'],
  ['parking', 'Customers park behind the building for two hours without paying.'],
  ['jobs', 'We look for two people who like to sew and to talk with customers.'],
  ['privacy', 'Addresses are deleted when an account has not been used for a year.'],
]
const QUERIES: readonly (readonly [id: string, text: string, document: string])[] = [
  ['q1', 'Can I return shoes?', 'shoes'],
  ['q2', 'When is an invoice due?', 'invoice'],
  ['q3', 'How long is the warranty of a lamp?', 'warranty'],
  ['q4', 'When do parcels arrive?', 'shipping'],
  ['q5', 'Is a gift card valid for ever?', 'gift'],
  ['q6', 'When does the shop close?', 'opening'],
]

export const SET_QUERIES = QUERIES.map(([id, text, document]) => ({ id, text, document }))
export const SET_DOCUMENTS = DOCUMENTS.map(([key, text]) => ({ key, text }))

/** Writes `<name>-docs.jsonl`, `<name>-queries.jsonl` and `<name>-qrels.tsv` into the folder. */
export function writePublicSet(folder: string, name: string): void {
  mkdirSync(folder, { recursive: true })
  const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  writeFileSync(join(folder, `${name}-docs.jsonl`), lines(DOCUMENTS.map(([id, text]) => ({ id, text }))))
  writeFileSync(join(folder, `${name}-queries.jsonl`), lines(QUERIES.map(([id, text]) => ({ id, text }))))
  writeFileSync(
    join(folder, `${name}-qrels.tsv`),
    QUERIES.map(([id, , document]) => `${id}\t0\t${document}\t1\n`).join(''),
  )
}
