/** Everything a migration can make, as sorted lines of text: two databases with equal listings have the same schema. */

import type { Sql } from 'postgres'

/** Objects of `public` that no extension brought along; then the rows that migrations themselves insert. */
export async function listSchema(sql: Sql): Promise<string[]> {
  const objects = await sql<{ line: string }[]>`
    WITH relations AS (
      SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
    )
    SELECT format('relation %s %s %s %s', relkind, relname, pg_get_partkeydef(oid),
                  pg_get_expr(relpartbound, oid)) AS line FROM relations
    UNION ALL
    SELECT format('column %s.%s %s %s %s %s%s', relname, attname, attnum, format_type(atttypid, atttypmod),
                  CASE WHEN attnotnull THEN 'not null' END, pg_get_expr(adbin, adrelid), attidentity)
      FROM relations JOIN pg_attribute ON attrelid = relations.oid AND attnum > 0 AND NOT attisdropped
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    UNION ALL
    SELECT format('constraint %s on %s: %s', conname, relname, pg_get_constraintdef(pg_constraint.oid))
      FROM relations JOIN pg_constraint ON conrelid = relations.oid
    UNION ALL
    SELECT format('index %s valid %s', pg_get_indexdef(indexrelid), indisvalid)
      FROM relations JOIN pg_index ON indexrelid = relations.oid
    UNION ALL
    SELECT format('trigger %s', pg_get_triggerdef(pg_trigger.oid))
      FROM relations JOIN pg_trigger ON tgrelid = relations.oid AND NOT tgisinternal
    UNION ALL
    SELECT format('function %s', pg_get_functiondef(oid)) FROM pg_proc
      WHERE pronamespace = 'public'::regnamespace AND prokind IN ('f', 'p')
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    UNION ALL
    SELECT format('type %s %s', typtype, typname) FROM pg_type
      WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e', 'r')
    UNION ALL
    SELECT format('label %s of %s', enumlabel, typname) FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid`
  const tables = await sql<{ name: string }[]>`
    SELECT quote_ident(relname) AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'schema_migrations'`
  const rows: string[] = []
  for (const { name } of tables) {
    const found = await sql.unsafe<{ row: string }[]>(`SELECT ${name}::text AS row FROM ${name}`)
    rows.push(...found.map(({ row }) => `row ${name} ${row}`))
  }
  return [...objects.map(({ line }) => line), ...rows].sort()
}

/** What `migrate` has noted as applied, in order, without the times. */
export async function listApplied(sql: Sql): Promise<string[]> {
  const [table] = await sql<
    { found: boolean }[]
  >`SELECT to_regclass('schema_migrations') IS NOT NULL AS found`
  if (table?.found !== true) return []
  const rows = await sql<{ name: string; sha256: string }[]>`
    SELECT name, sha256 FROM schema_migrations ORDER BY name`
  return rows.map(({ name, sha256 }) => `${name} ${sha256}`)
}

/** Back to an empty database; what lives outside of `public` stays. */
export async function emptySchema(sql: Sql): Promise<void> {
  await sql`DROP SCHEMA public CASCADE`
  await sql`CREATE SCHEMA public`
  await sql`CREATE EXTENSION IF NOT EXISTS vector`
}
