import { describe, expect, test } from 'vitest'
import { calibrationOf } from '../../../../src/evals/reviews/calibrate.ts'
import type { QueueContent } from '../../../../src/evals/reviews/queue-rows.ts'
import type { RatedTask } from '../../../../src/evals/reviews/rating-rows.ts'

const CONTENT: QueueContent = {
  run: 'run_a',
  dataset: { name: 'questions', version: 1, hash: 'h' },
  judge: { name: 'polite', kind: 'closed-qa', version: 1, settings: { model: 'openai/gpt-4.1-2025-04-14' } },
  scale: { kind: 'yes-no', rate: true },
  question: 'Greets.',
  reviewers: 1,
  decide: 'unanimous',
  seed: 1,
  drawnFrom: 1_000,
}

/** `count` tasks with these ratings, in order of places, and this judgement. */
const tasksOf = (
  rows: readonly (readonly [count: number, ratings: readonly number[], judged: number | null])[],
  more: Partial<RatedTask> = {},
): RatedTask[] =>
  rows
    .flatMap(([count, ratings, judged]) => Array.from({ length: count }, () => ({ ratings, judged })))
    .map(({ ratings, judged }, at) => ({
      number: at + 1,
      position: at,
      repeat: 0,
      itemId: `q${at}`,
      group: null,
      judged: judged === null ? null : { value: judged, passed: judged === 1 },
      ratings: ratings.map((value, place) => ({
        place: place + 1,
        person: `p${place}`,
        name: null,
        value,
        note: null,
        revision: 1,
        at: '2026-11-28T10:00:00.000Z',
      })),
      skips: 0,
      begun: true,
      ...more,
    }))

describe('a calibration', () => {
  test('gives kappa, AC1, sensitivity and specificity of a table that is known', () => {
    // 20 both yes, 5 and 10 apart, 15 both no: kappa 0.4, https://en.wikipedia.org/wiki/Cohen%27s_kappa (simple example).
    const figures = calibrationOf(
      tasksOf([
        [20, [1], 1],
        [5, [1], 0],
        [10, [0], 1],
        [15, [0], 0],
      ]),
      CONTENT,
    )

    expect(figures).toMatchObject({ truths: 50, unjudged: 0, counts: { no: 25, yes: 25 }, people: null })
    expect(figures.kappa?.estimate).toBeCloseTo(0.4, 10)
    expect(figures.ac1?.estimate).toBeCloseTo((0.7 - 0.495) / (1 - 0.495), 10)
    expect(figures.sensitivity).toMatchObject({ estimate: 0.8, method: 'wilson@1' })
    expect(figures.specificity).toMatchObject({ estimate: 0.6, items: 25 })
    expect(figures.misses).toEqual([
      expect.stringMatching(/^The lower end of kappa is 0\.\d\d, and 0\.6 is needed/),
    ])
  })

  test('qualifies a judge that people surely agree with, and says the same every time', () => {
    const tasks = tasksOf([
      [48, [1], 1],
      [2, [1], 0],
      [2, [0], 1],
      [48, [0], 0],
    ])

    const figures = calibrationOf(tasks, CONTENT)

    expect(figures.misses).toEqual([])
    expect(figures.kappa?.low).toBeGreaterThan(0.8)
    expect(calibrationOf(tasks, CONTENT)).toEqual(figures)
  })

  test('draws items of one group together: ten documents are not a hundred answers', () => {
    const rows = [
      [40, [1], 1],
      [10, [1], 0],
      [50, [0], 0],
    ] as const
    const alone = calibrationOf(tasksOf(rows), CONTENT)
    const grouped = calibrationOf(
      tasksOf(rows).map((task) => ({ ...task, group: `document ${Math.floor(task.position / 10)}` })),
      CONTENT,
    )

    expect(grouped.kappa?.estimate).toBe(alone.kappa?.estimate)
    expect(grouped.kappa?.groups).toBe(10)
    expect((grouped.kappa?.high ?? 0) - (grouped.kappa?.low ?? 0)).toBeGreaterThan(
      (alone.kappa?.high ?? 0) - (alone.kappa?.low ?? 0),
    )
  })

  test('weighs grades by their distance, and has no sensitivity for them', () => {
    const graded = { ...CONTENT, scale: { kind: 'grades', levels: 5 } } as const
    const near = calibrationOf(
      tasksOf([
        [20, [1], 0.75],
        [20, [0], 0.25],
      ]),
      graded,
    )
    const far = calibrationOf(
      tasksOf([
        [20, [1], 0.25],
        [20, [0], 0.75],
      ]),
      graded,
    )

    // Linear weights: 1 − 1/4 seen; half of the pairs expected by chance are ¼ apart, half ¾: 0.5. So 0.25 / 0.5.
    expect(near.kappa?.estimate).toBeCloseTo(0.5, 10)
    expect(far.kappa?.estimate).toBeCloseTo(-0.5, 10)
    expect(near).toMatchObject({ sensitivity: null, specificity: null, counts: { 1: 20, 5: 20, 3: 0 } })
  })

  test('tells how far people agree among themselves, over each two reviewers of a task', () => {
    const three = { ...CONTENT, reviewers: 3, decide: 'majority' } as const
    const figures = calibrationOf(
      tasksOf([
        [10, [1, 1, 1], 1],
        [10, [0, 0, 0], 0],
        [10, [1, 1, 0], 1],
      ]),
      three,
    )

    expect(figures.people?.items).toBe(90)
    expect(figures.people?.groups).toBe(30)
    expect(figures.truths).toBe(30)
  })

  test.each([
    [
      'too few truths',
      tasksOf([
        [14, [1], 1],
        [14, [0], 0],
      ]),
      CONTENT,
      /28 truths, and 30 are needed/,
    ],
    [
      'nearly all of one kind',
      tasksOf([
        [91, [1], 1],
        [9, [0], 0],
      ]),
      CONTENT,
      /10 truths each are needed, and there are 9 no, 91 yes/,
    ],
    ['one kind throughout', tasksOf([[40, [1], 1]]), CONTENT, /Kappa is undefined/],
    [
      'what people left unsettled',
      tasksOf([
        [5, [], 1],
        [20, [1], 1],
        [20, [0], 0],
      ]),
      CONTENT,
      /40 of the first 45 tasks are settled/,
    ],
    [
      'a judge that is a route',
      tasksOf([
        [20, [1], 1],
        [20, [0], 0],
      ]),
      {
        ...CONTENT,
        judge: { ...CONTENT.judge, settings: { judges: [{ kind: 'rubric', model: 'grader' }] } },
      },
      /grader is a route/,
    ],
  ])('does not qualify a judge with %s', (_what, tasks, content, message) => {
    expect(calibrationOf(tasks, content).misses.join(' ')).toMatch(message)
  })

  test('counts what the judge left unjudged, and leaves it out', () => {
    const figures = calibrationOf(
      tasksOf([
        [20, [1], 1],
        [20, [0], 0],
        [3, [1], null],
      ]),
      CONTENT,
    )

    expect(figures).toMatchObject({ truths: 40, unjudged: 3 })
  })
})
