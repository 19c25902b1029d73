/**
 * Drizzle, for the stores: what they import of it, loaded as CommonJS. As ES modules Node parses its package.json of 180 KB
 * again for each of 106 files, up to ten times the time and three times the memory (ADR 39). Adds nothing to it.
 */

import { createRequire } from 'node:module'

const load = createRequire(import.meta.url)
const queries: typeof import('drizzle-orm') = load('drizzle-orm')
const tables: typeof import('drizzle-orm/pg-core') = load('drizzle-orm/pg-core')
const client: typeof import('drizzle-orm/postgres-js') = load('drizzle-orm/postgres-js')

export const {
  and,
  asc,
  between,
  count,
  desc,
  eq,
  getTableColumns,
  getTableName,
  gt,
  gte,
  inArray,
  isNotNull,
  isNull,
  isTable,
  like,
  lt,
  lte,
  max,
  ne,
  notExists,
  notInArray,
  or,
  sql,
  sum,
} = queries

export const {
  alias,
  bigint,
  boolean,
  customType,
  date,
  doublePrecision,
  getTableConfig,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} = tables

export const { drizzle } = client
