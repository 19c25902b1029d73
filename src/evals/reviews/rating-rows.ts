/** All SQL of places, ratings and skips. Whoever gives a place away or takes one holds the queue's lock. */

import type { Sql, TransactionSql } from 'postgres'
import type { Rating } from './truth.ts'

export type Person = { id: string; name: string | null }

/** One writer of places at a time in a queue: two reviewers who race for the last place would both see it free. */
export async function lockQueue(sql: TransactionSql, queueId: string): Promise<void> {
  await sql`SELECT id FROM review_queues WHERE id = ${queueId} FOR NO KEY UPDATE`
}

/** The task that this person was handed and has not rated; its place is held anew. */
export async function holdAgain(
  sql: TransactionSql,
  { queueId, person, until }: { queueId: string; person: string; until: string },
): Promise<number | null> {
  const rows = await sql<{ number: number }[]>`
    UPDATE review_places p SET held_until = ${until}::timestamptz
    WHERE p.queue_id = ${queueId} AND p.person = ${person} AND p.number = (
      SELECT o.number FROM review_places o WHERE o.queue_id = ${queueId} AND o.person = ${person} AND o.place > 0
        AND NOT EXISTS (SELECT FROM review_ratings r
          WHERE r.queue_id = o.queue_id AND r.number = o.number AND r.person = o.person)
      ORDER BY o.number LIMIT 1)
    RETURNING p.number`
  return rows[0]?.number ?? null
}

/**
 * The first task from `first` to `last` with a place that is neither rated from nor held, that this person has neither sat at nor
 * skipped; and that place, taken. Null when there is none.
 */
export async function takePlace(
  sql: TransactionSql,
  given: {
    queueId: string
    person: Person
    reviewers: number
    first: number
    last: number
    now: string
    until: string
  },
): Promise<number | null> {
  const { queueId, person, reviewers, first, last, now, until } = given
  const rows = await sql<{ number: number }[]>`
    INSERT INTO review_places (queue_id, number, place, person, person_name, held_until)
    SELECT t.queue_id, t.number, free.place, ${person.id}, ${person.name}, ${until}::timestamptz
    FROM review_tasks t CROSS JOIN LATERAL (
      SELECT place FROM generate_series(1, ${reviewers}::integer) AS seat (place)
      WHERE NOT EXISTS (SELECT FROM review_places p
        WHERE p.queue_id = t.queue_id AND p.number = t.number AND p.place = seat.place
          AND (p.held_until > ${now}::timestamptz OR EXISTS (SELECT FROM review_ratings r
            WHERE r.queue_id = p.queue_id AND r.number = p.number AND r.person = p.person)))
      ORDER BY place LIMIT 1) AS free
    WHERE t.queue_id = ${queueId} AND t.number BETWEEN ${first} AND ${last}
      AND NOT EXISTS (SELECT FROM review_places o
        WHERE o.queue_id = t.queue_id AND o.number = t.number AND o.person = ${person.id})
      AND NOT EXISTS (SELECT FROM review_skips s
        WHERE s.queue_id = t.queue_id AND s.number = t.number AND s.person = ${person.id})
    ORDER BY t.number LIMIT 1
    ON CONFLICT (queue_id, number, place) DO UPDATE SET person = excluded.person, person_name = excluded.person_name,
      held_until = excluded.held_until
    RETURNING number`
  return rows[0]?.number ?? null
}

/** False when somebody else adjudicated the task. Throws the database's refusal for one who has rated it. */
export async function takeAdjudication(
  sql: TransactionSql,
  { queueId, number, person, now }: { queueId: string; number: number; person: Person; now: string },
): Promise<boolean> {
  await leavePlace(sql, { queueId, number, person: person.id })
  await sql`
    INSERT INTO review_places (queue_id, number, place, person, person_name, held_until)
    VALUES (${queueId}, ${number}, 0, ${person.id}, ${person.name}, ${now}::timestamptz)
    ON CONFLICT (queue_id, number, place) DO NOTHING`
  return (await placeOf(sql, { queueId, number, person: person.id })) === 0
}

/** Where this person sits at the task. */
export async function placeOf(
  sql: TransactionSql,
  { queueId, number, person }: { queueId: string; number: number; person: string },
): Promise<number | null> {
  const rows = await sql<{ place: number }[]>`
    SELECT place FROM review_places WHERE queue_id = ${queueId} AND number = ${number} AND person = ${person}`
  return rows[0]?.place ?? null
}

/** False for a place that was rated from, or that is not there. */
export async function leavePlace(
  sql: TransactionSql,
  { queueId, number, person }: { queueId: string; number: number; person: string },
): Promise<boolean> {
  const left = await sql`
    DELETE FROM review_places p WHERE p.queue_id = ${queueId} AND p.number = ${number} AND p.person = ${person}
      AND NOT EXISTS (SELECT FROM review_ratings r
        WHERE r.queue_id = p.queue_id AND r.number = p.number AND r.person = p.person)`
  return left.count === 1
}

/** The next revision of this person's rating. The caller holds the lock and a place. */
export async function insertRating(
  sql: TransactionSql,
  row: {
    queueId: string
    number: number
    person: string
    value: number
    note: string | null
    by: string
    now: string
  },
): Promise<number> {
  const rows = await sql<{ revision: number }[]>`
    INSERT INTO review_ratings (queue_id, number, person, revision, value, note, created_by, created_at)
    SELECT ${row.queueId}, ${row.number}, ${row.person}, coalesce(max(revision), 0) + 1, ${row.value}, ${row.note}, ${row.by},
      ${row.now}::timestamptz
    FROM review_ratings
    WHERE queue_id = ${row.queueId} AND number = ${row.number} AND person = ${row.person}
    RETURNING revision`
  return rows[0]?.revision ?? 0
}

export async function insertSkip(
  sql: TransactionSql,
  row: { queueId: string; number: number; person: string; reason: string; now: string },
): Promise<void> {
  await sql`
    INSERT INTO review_skips (queue_id, number, person, reason, created_at)
    VALUES (${row.queueId}, ${row.number}, ${row.person}, ${row.reason}, ${row.now}::timestamptz)
    ON CONFLICT DO NOTHING`
}

type TaskRating = Rating & { name: string | null; note: string | null; revision: number; at: string }
/** A task with what people said of it, and what the judge did. */
export type RatedTask = {
  number: number
  position: number
  repeat: number
  itemId: string
  group: string | null
  /** Null where the judge's score is gone. */
  judged: { value: number; passed: boolean | null } | null
  /** Those that hold. */
  ratings: TaskRating[]
  skips: number
  /** Somebody was handed it. */
  begun: boolean
}

/** Behind `after` in order. */
export async function readTasks(
  sql: Sql | TransactionSql,
  queue: { id: string; projectId: string; scorer: string },
  { after, limit }: { after: number; limit: number },
): Promise<RatedTask[]> {
  type Row = Omit<RatedTask, 'judged' | 'ratings'> & {
    ratings: string
    value: number | null
    passed: boolean | null
  }
  const rows = await sql<Row[]>`
    SELECT t.number, t.position, t.repeat, p.item_id AS "itemId", i.content::jsonb ->> 'group' AS "group", s.value, s.passed,
      (SELECT count(*)::integer FROM review_skips k WHERE k.queue_id = t.queue_id AND k.number = t.number) AS skips,
      EXISTS (SELECT FROM review_places o WHERE o.queue_id = t.queue_id AND o.number = t.number)
        OR EXISTS (SELECT FROM review_skips k WHERE k.queue_id = t.queue_id AND k.number = t.number) AS begun,
      coalesce((SELECT json_agg(json_build_object('place', o.place, 'person', o.person, 'name', o.person_name,
          'value', r.value, 'note', r.note, 'revision', r.revision,
          'at', to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) ORDER BY o.place)
        FROM review_places o JOIN LATERAL (SELECT * FROM review_ratings r
          WHERE r.queue_id = o.queue_id AND r.number = o.number AND r.person = o.person
          ORDER BY r.revision DESC LIMIT 1) AS r ON true
        WHERE o.queue_id = t.queue_id AND o.number = t.number), '[]')::text AS ratings
    FROM review_tasks t JOIN eval_runs e ON e.id = t.run_id
    JOIN eval_run_items u ON u.run_id = t.run_id AND u.position = t.position
    JOIN dataset_version_items p ON p.dataset_id = e.dataset_id AND p.position = u.item
    JOIN dataset_items i ON i.project_id = ${queue.projectId} AND i.hash = p.hash
    LEFT JOIN eval_scores s ON s.run_id = t.run_id AND s.position = t.position AND s.repeat = t.repeat
      AND s.scorer = ${queue.scorer}
    WHERE t.queue_id = ${queue.id} AND t.number > ${after} ORDER BY t.number LIMIT ${limit}`
  return rows.map(({ value, passed, ratings, ...task }) => ({
    ...task,
    judged: value === null ? null : { value, passed },
    ratings: JSON.parse(ratings) as TaskRating[],
  }))
}
