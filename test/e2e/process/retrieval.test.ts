import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'
import { childrenOf, runAval, startAval, until } from '../../support/process.ts'

const CONFIG = {
  sources: { handbook: { path: 'docs', include: ['**/*.md'], language: 'en', license: 'internal' } },
  indexes: { handbook: { source: 'handbook', chunker: { kind: 'headings', max_tokens: 200 } } },
}
let gateway: RunningGateway

beforeAll(async () => {
  gateway = await startGateway({ config: CONFIG })
  mkdirSync(join(gateway.home, 'docs'))
  write('returns.md', '# Returns\n\nShoes may be returned within thirty days, unworn and in their box.')
  write('invoices.md', '# Invoices\n\nAn invoice is due fourteen days after delivery.')
  write('broken.md', '')
})
afterAll(() => gateway.stop())

const write = (name: string, text: string) => writeFileSync(join(gateway.home, 'docs', name), text)
const aval = (...words: string[]) => runAval(words, { cwd: gateway.home, env: { AVAL_HOME: gateway.home } })
const json = async (...words: string[]) => {
  const { code, stdout, stderr } = await aval(...words, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

describe('documents become answers', () => {
  test('a source that only aval.yaml has is made and read, and what cannot be read is told', async () => {
    const { code, stdout, stderr } = await aval('source', 'sync', 'handbook', '--wait')

    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('100 %  of 3 files') })
    expect(stderr).toContain('Source handbook was made as aval.yaml has it.')
    expect(stdout).toMatch(/handbook {2}3 files: 2 new, 0 changed, 0 gone, 1 not read/)
    expect(stdout).toMatch(/broken\.md +empty +.*empty/)
    const shown = await aval('source', 'show', 'handbook')
    expect(shown.stdout).toMatch(/from +docs\n/)
    expect(shown.stdout).toMatch(/licence +internal\n/)
    expect(shown.stdout).toMatch(/problems +1; see: aval source problems handbook/)
  })

  test('an index is planned, built as aval.yaml declares it, and finds what is asked', async () => {
    const plan = await json('index', 'build', 'handbook')
    const { code, stdout, stderr } = await aval('index', 'build', 'handbook', '--yes')
    const found = await aval('index', 'search', 'handbook@1', 'Can I send back shoes?', '--limit', '1')

    expect(plan).toMatchObject({ documents: 2, cost_usd: null, manifest: { chunker: { max_tokens: 200 } } })
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/price +nothing: the model runs here/)
    expect(stdout).toMatch(/index +handbook@1\n/)
    expect(stdout).toMatch(/state +ready\n/)
    expect(stdout).toContain('Try it: aval index search handbook@1')
    expect(found.stdout).toMatch(/^\[1\] returns\.md .*score/)
    expect(found.stdout).toContain('within thirty days')
    expect(found.stdout).toMatch(/1 passages of handbook@1 in /)
    const again = await aval('index', 'build', 'handbook', '--yes')
    expect(again.stdout).toContain('handbook@1 has this manifest already; there is nothing to build.')
  })

  test('what changes makes the next version, and the two can be compared', async () => {
    write('returns.md', '# Returns\n\nShoes may be returned within sixty days.')
    write('gifts.md', '# Gifts\n\nGift cards are never returned.')
    const synced = await aval('source', 'sync', 'handbook', '--wait')
    await aval('index', 'build', 'handbook', '--max-tokens', '100', '--halfvec', '--yes')

    const diff = await aval('index', 'diff', 'handbook@1', 'handbook@2')
    const listed = await aval('index', 'list', 'handbook')

    expect(synced.stdout).toMatch(/4 files: 1 new, 1 changed, 0 gone, 1 not read/)
    expect(diff.stdout).toMatch(/chunker\.max_tokens\n {2}- 200\n {2}\+ 100\n/)
    expect(diff.stdout).toMatch(/documents: 1 added, 1 changed, 0 removed/)
    expect(diff.stdout).toMatch(/added +gifts\.md/)
    expect(listed.stdout).toMatch(/handbook@2 +ready[\s\S]*handbook@1 +ready/)
  })

  test('a version goes when somebody says so, and only then', async () => {
    const asked = await aval('index', 'drop', 'handbook@1')
    const newest = await aval('index', 'drop', 'handbook', '--yes')
    const dropped = await aval('index', 'drop', 'handbook@1', '--yes')
    const late = await aval('index', 'search', 'handbook@1', 'shoes')

    expect(asked).toMatchObject({ code: 2, stderr: expect.stringContaining('add --yes') })
    expect(newest).toMatchObject({ code: 2, stderr: expect.stringContaining('Say which version') })
    expect(dropped).toMatchObject({ code: 0, stdout: expect.stringContaining('Dropped handbook@1') })
    expect(late).toMatchObject({ code: 2, stderr: expect.stringContaining('it was dropped') })
  })

  test('rows are pushed, also many, and a slip in a file pushes nothing', async () => {
    const rows = Array.from({ length: 1200 }, (_, at) => ({
      key: `t-${at}`,
      text: `Ticket ${at}: lamp ${at} flickers.`,
      metadata: { team: at % 2 === 0 ? 'north' : 'south' },
    }))
    const path = join(gateway.home, 'tickets.jsonl')
    writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'))
    writeFileSync(join(gateway.home, 'wrong.jsonl'), '{"key":"a","text":"fine"}\n\n{"key":"b"\n')
    writeFileSync(
      join(gateway.home, 'refused.jsonl'),
      '\n{"key":"a","text":"fine"}\n{"key":"b","text":" "}\n',
    )
    await aval('source', 'add', 'tickets', '--pushed', '--language', 'en')

    const wrong = await aval('source', 'push', 'tickets', 'wrong.jsonl')
    const refused = await aval('source', 'push', 'tickets', 'refused.jsonl')
    const pushed = await aval('source', 'push', 'tickets', 'tickets.jsonl')
    const removed = await aval('source', 'remove', 'tickets', 't-0', 't-1', '--yes')
    await aval('index', 'build', 'tickets', '--source', 'tickets', '--yes')
    const found = await json('index', 'search', 'tickets', 'lamp 7 flickers', '--filter', 'team=south')

    expect(wrong).toMatchObject({ code: 103, stderr: expect.stringMatching(/wrong\.jsonl line 3: not JSON/) })
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/line 3\.text: Write some text/) })
    expect(pushed).toMatchObject({ code: 0, stdout: '1200 pushed; tickets has 1200 documents.\n' })
    expect(removed.stdout).toBe('2 removed; tickets has 1198 documents.\n')
    expect(found.chunks[0].document.key).toBe('t-7')
    const keys = found.chunks.map(({ document }: { document: { key: string } }) =>
      Number(document.key.slice(2)),
    )
    expect(keys.every((key: number) => key % 2 === 1)).toBe(true)
  })

  test('mistakes are told with what to do', async () => {
    const nowhere = await aval('source', 'add', 'x')
    const unknown = await aval('source', 'show', 'nothing')
    const noSource = await aval('index', 'build', 'nothing', '--yes')
    const noRef = await aval('index', 'show', 'Hand!')

    expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('--path, --url or --pushed') })
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('aval source list') })
    expect(noSource).toMatchObject({ code: 2, stderr: expect.stringContaining('--source is missing') })
    expect(noRef).toMatchObject({ code: 2, stderr: expect.stringContaining('Write handbook@5') })
  })
})

test('with mistakes in aval.yaml the worker reads sources on, and a build waits until they are mended', async () => {
  const file = join(gateway.home, 'aval.yaml')
  const before = readFileSync(file, 'utf8')
  const worker = await until('the worker', () => childrenOf(gateway.pid, 'main.ts work')[0])
  writeFileSync(file, stringify({ ...CONFIG, upstreams: { lab: { dialect: 'openai', base_ulr: 'x' } } }))
  process.kill(worker, 'SIGKILL')
  await until('it works again', () => gateway.stderr().includes('"config_refused"'))

  const synced = await aval('source', 'sync', 'handbook', '--wait')
  const build = startAval(['index', 'build', 'handbook', '--yes', '--overlap', '5'], {
    cwd: gateway.home,
    env: { AVAL_HOME: gateway.home },
  })
  await until('a build that waits', () => build.stderr().includes('Waits for aval.yaml'))
  writeFileSync(file, before)
  const { code, stdout } = await build.exited

  expect(synced.code).toBe(0)
  expect(build.stderr()).toMatch(/Waits for aval\.yaml\..*unknown key "base_ulr"\. Did you mean "base_url"\?/)
  expect(code).toBe(0)
  expect(stdout).toMatch(/state +ready/)
}, 120_000)
