/** How alarms are counted against windows, and folders of series are read. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { countAlarms } from '../../../../src/monitoring/bench/count-alarms.ts'
import { type LabelledSeries, readLabelledSeries } from '../../../../src/monitoring/bench/labelled-series.ts'
import { alarmsOf, measureAlarms } from '../../../../src/monitoring/bench/measure-detector.ts'
import { SETTINGS } from '../../../../src/monitoring/detectors/detector.ts'

/** 1,000 points, a second apart; 150 are probation. */
function series(windows: [from: number, to: number][]): LabelledSeries {
  return {
    group: 'made',
    name: 'made/up.csv',
    points: Array.from({ length: 1000 }, (_, at) => ({ timeMs: at * 1000, value: at === 500 ? 99 : at % 5 })),
    windows: windows.map(([from, to]) => ({ fromMs: from * 1000, toMs: to * 1000 })),
  }
}

describe('alarms', () => {
  test('count once a window and once an episode, and not at all in probation', () => {
    const counts = countAlarms(
      series([
        [100, 120],
        [400, 450],
        [600, 650],
      ]),
      [110, 200, 220, 230, 410, 420, 450, 451, 700],
    )

    expect(counts).toEqual({ points: 850, alarms: 8, windows: 2, falseEpisodes: 3, delays: [10] })
  })

  test('give recall, precision, false episodes in 1,000 points and the median delay', () => {
    const measured = measureAlarms([
      {
        series: series([
          [400, 450],
          [600, 650],
        ]),
        alarms: [300, 405],
      },
      { series: series([[800, 850]]), alarms: [815] },
    ])

    expect(measured.recall).toBeCloseTo(2 / 3)
    expect(measured.precision).toBeCloseTo(2 / 3)
    expect(measured.falsePer1000).toBeCloseTo(1000 / 1700)
    expect(measured.delay).toBe(10)
  })

  test('stand beside random ones, which are the same each time and find about what windows cover', () => {
    const all = [{ series: series([[500, 584]]), alarms: Array.from({ length: 85 }, (_, at) => 150 + at) }]
    const { floor } = measureAlarms(all)

    expect(measureAlarms(all).floor).toEqual(floor)
    expect(floor.recall).toBeGreaterThan(0.95)
    expect(floor.precision).toBeLessThan(0.5)
  })

  test('are no figures where there is nothing to divide by', () => {
    expect(measureAlarms([{ series: series([]), alarms: [] }])).toEqual({
      recall: null,
      precision: null,
      falsePer1000: 0,
      delay: null,
      floor: { recall: null, precision: null, falsePer1000: 0, delay: null },
    })
  })

  test('of the detector are where its alerts begin', () => {
    expect(alarmsOf(series([]), SETTINGS.strict)).toEqual([500])
  })
})

describe('a folder of series', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aval-series-'))
    mkdirSync(join(folder, 'real'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const write = (name: string, text: string | Buffer) => writeFileSync(join(folder, name), text)

  test('is read with groups, windows and times in UTC, plain and packed', () => {
    write(
      'windows.json',
      '{"real/a.csv":[["2014-04-01 00:00:00.000000","2014-04-01 00:05:00"]],"real/b.csv":[]}',
    )
    write('real/a.csv', 'timestamp,value\n2014-04-01 00:00:00,20.5\n2014-04-01 00:05:00,-1e3\n')
    write('real/b.csv.gz', gzipSync('timestamp,value\r\n2014-04-01 00:00:00,0\r\n'))

    const fromMs = Date.UTC(2014, 3, 1)
    expect(readLabelledSeries(folder)).toEqual({
      series: [
        {
          group: 'real',
          name: 'real/a.csv',
          points: [
            { timeMs: fromMs, value: 20.5 },
            { timeMs: fromMs + 300_000, value: -1000 },
          ],
          windows: [{ fromMs, toMs: fromMs + 300_000 }],
        },
        { group: 'real', name: 'real/b.csv', points: [{ timeMs: fromMs, value: 0 }], windows: [] },
      ],
    })
  })

  test.each([
    ['no windows', null, '', /windows\.json: cannot be read \(ENOENT\)/],
    ['windows that are none', '{"real/a.csv":[["x","y"]]}', '', /windows of real\/a\.csv are not/],
    ['a series without labels', '{}', 'timestamp,value\n', /nothing about real\/a\.csv/],
    ['another head', '{"real/a.csv":[]}', 'time,x\n', /line 1 is not timestamp,value/],
    [
      'no number',
      '{"real/a.csv":[]}',
      'timestamp,value\n2014-04-01 00:00:00,\n',
      /line 2: not a time and a number/,
    ],
  ])('%s: told with the file and the remedy', (_name, windows, text, problem) => {
    if (windows !== null) write('windows.json', windows)
    write('real/a.csv', text)

    expect(readLabelledSeries(folder)).toEqual({ problems: [expect.stringMatching(problem)] })
  })

  test('without a series says what one is', () => {
    write('windows.json', '{}')

    expect(readLabelledSeries(folder)).toEqual({ problems: [expect.stringContaining('no series here')] })
  })
})
