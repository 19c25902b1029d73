import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { insertLook } from '../../../src/promotion/canary/store.ts'
import type { Card } from '../../../src/promotion/cards/card.ts'
import { readCard } from '../../../src/promotion/cards/read-card.ts'
import type { CardSince } from '../../../src/promotion/cards/since.ts'
import { type CardRow, findCard } from '../../../src/promotion/cards/store.ts'
import { OPEN, type Policy } from '../../../src/promotion/policy.ts'
import { advancePromotion } from '../../../src/promotion/requests/advance.ts'
import { requestPromotion } from '../../../src/promotion/requests/request.ts'
import { createRelease } from '../../../src/registry/releases/create.ts'
import type { ReleaseRow } from '../../../src/registry/releases/store.ts'
import { readSnapshotFacts } from '../../../src/retrieval/sources/snapshot-facts.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { aFolder } from '../../support/audit-records.ts'
import { commandLine } from '../../support/command-line.ts'
import { describeDatabases } from '../../support/database.ts'
import { aDataset, echo, execute, numbered, scriptedAsk } from '../../support/eval-runs.ts'
import { advanceDeps } from '../../support/promotions.ts'
import { AUTHOR, seedModel, seedPrompt } from '../../support/registry.ts'

const ROUTE = 'sums'
const SUITE = `
dataset: sums
subject: ${ROUTE}@r1
scorers:
  - equals
  - { name: polite, kind: closed-qa, criterion: Polite., model: local/judge }
`
const POLICY: Policy = {
  ...OPEN,
  name: 'careful',
  suites: ['sums'],
  evidence: { ...OPEN.evidence, coverage: 0.7 },
  rules: [
    {
      suite: null,
      scorer: 'equals',
      slice: null,
      atLeast: 0.1,
      atMost: null,
      notWorseBy: null,
      flipsAtMost: {},
    },
  ],
}
type Shown = { id: string | null; hash: string | null; content: string | null; card: Card; since: CardSince }

describeDatabases('a model card', (open) => {
  let server: ApiServer
  let release: ReleaseRow
  let kept: CardRow
  let price = 150_000n

  const deps = () => ({
    db: open().db,
    sql: open().sql,
    clock: systemClock,
    priceOf: () => ({ input: price, output: null, source: 'a list' }) as never,
  })
  const get = async (path: string, project: 'default' | 'other' = 'default') => {
    const authorization = `Bearer ${server.keyOf(project, 'auditor').token}`
    return await fetch(`${server.url}/api/cards/${path}`, { headers: { authorization } })
  }
  const shown = async (path: string) => (await (await get(path)).json()) as Shown
  const made = async (seed: number) =>
    (
      await createRelease({ db: open().db, clock: systemClock }, AUTHOR, {
        route: ROUTE,
        from: null,
        prompt: 'sums',
        models: [{ ref: 'small@1', weight: null }],
        parameters: { seed },
        retries: null,
        index: null,
        retrieval: null,
      })
    ).release

  /** A promotion as its policy demands it, with one wrong answer among four, and one that failed. */
  const promote = async (): Promise<CardRow> => {
    const begun: string[] = []
    const advancing = {
      ...advanceDeps(open(), { sums: SUITE }),
      ...deps(),
      runSuite: async (id: string) => void begun.push(id),
    }
    const wish = { route: ROUTE, label: 'production', to: 1, reason: 'a test', breakGlass: false }
    const { id } = await requestPromotion(deps(), AUTHOR, POLICY, wish)
    await advancePromotion(advancing, id)
    const { ask } = scriptedAsk((question, _before, { body }) => {
      if (body.model === 'local/judge') return '{"reason":"Said \\"secret\\".","meets":"N"}'
      if (echo(question) === '3') return { failure: { code: 'upstream_error' } }
      return { output: echo(question) === '1' ? 'a secret' : echo(question), cost: 1n, free: false }
    })
    for (const run of begun) await execute(open(), run, ask)
    const ended = await advancePromotion(advancing, id)
    const row = await findCard(open().db, { projectId: AUTHOR.projectId, releaseId: release.id }, id)
    if (row === null) throw new Error(`It has kept no card: ${ended?.note}`)
    return row
  }

  beforeAll(async () => {
    const { db } = open()
    server = await startApiServer(open())
    await seedModel(db, { name: 'small', content: { upstream: 'local', model: 'reader', licence: 'MIT' } })
    const content = {
      description: 'Adds up.',
      owner: 'ada',
      messages: [{ role: 'user', content: '{{input}}' }],
    }
    await seedPrompt(db, { name: 'sums', content })
    await aDataset(
      open(),
      'sums',
      numbered(4, () => ({ metadata: { language: 'en' } })),
    )
    release = await made(1)
    kept = await promote()
  })
  afterAll(() => server.close())

  test('is what was promoted, whatever the registry says since', async () => {
    price = 900_000n
    const { id, hash, content, card, since } = await shown(`${ROUTE}/r1`)

    expect(id).toBe(kept.id)
    expect(card.models[0]).toMatchObject({ licence: 'MIT', price: { input: '0.15', output: null } })
    expect(card.promotion).toMatchObject({ id: kept.promotionId, label: 'production', policy: 'careful' })
    expect(JSON.parse(content ?? '')).toEqual(card)
    expect(
      createHash('sha256')
        .update(content ?? '')
        .digest('hex'),
    ).toBe(hash)
    expect(since).toMatchObject({ labels: ['production'], approvals: [], canary: null })
    expect(since.promotion).toMatchObject({ id: kept.promotionId, state: 'promoted' })
    expect(since.moves.map(({ label, reason }) => [label, reason])).toEqual([['production', 'a test']])
  })

  test('says what its evidence was: data, figures, cost and latency, and which items failed without a word of an answer', async () => {
    const { card, content } = await shown(`${ROUTE}/r1`)

    expect(card.data.datasets).toEqual([
      expect.objectContaining({ version: 'sums@1', items: 4, languages: [{ value: 'en', count: 4 }] }),
    ])
    expect(card.evaluation?.scorers.map(({ scorer, coverage }) => [scorer, coverage.scored])).toEqual([
      ['equals', 3],
      ['polite', 3],
    ])
    expect(card.cost_and_latency).toEqual([
      expect.objectContaining({
        answered: 3,
        failed: 1,
        cost_usd: '0.000001',
        unpriced: 0,
        latency_p95_ms: 12,
      }),
    ])
    expect(card.failures?.total).toBe(4)
    // First the item that fails both scorers.
    expect(card.failures?.items.map(({ item, scorer }) => `${item} ${scorer}`)).toEqual([
      'q1 equals',
      'q1 polite',
      'q0 polite',
      'q2 polite',
    ])
    expect(card.failures?.items[0]?.reason).toMatch(/^The answer "…" /)
    expect(card.failures?.items[1]?.reason).toBe(null)
    expect(content).not.toContain('secret')
    expect(card.missing).toEqual([])
  })

  test('is a page and Markdown of the same, and each read is on the log', async () => {
    const before = server.records.length
    const [markdown, html] = [await get(`${ROUTE}/r1?format=markdown`), await get(`${ROUTE}/r1?format=html`)]

    expect(markdown.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
    expect(await markdown.text()).toContain(`- **SHA-256**: ${kept.hash}\n`)
    expect(html.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(html.headers.get('content-disposition')).toBe('attachment')
    expect(await html.text()).toContain(`<bdi>${kept.hash}</bdi>`)
    expect(server.records.slice(before).map(({ kind, action, target }) => [kind, action, target])).toEqual([
      ['access', 'card.show', `${ROUTE}@r1`],
      ['access', 'card.show', `${ROUTE}@r1`],
    ])
  })

  test('has what came since beside it, and stays what it was', async () => {
    const look = { promotionId: kept.promotionId, stage: 1, decision: 'hold', content: '{}' } as const
    await insertLook(open().db, look, Date.now())
    const { hash, since } = await shown(`${ROUTE}/r1`)

    expect(hash).toBe(kept.hash)
    expect(since.canary).toMatchObject({ looks: 1, decision: 'hold', stage: 1 })
  })

  test('of one promotion is that promotion’s, and no other’s', async () => {
    const other = kept.promotionId.replace(/.$/, (letter) => (letter === '0' ? '1' : '0'))

    expect((await shown(`${ROUTE}/r1?promotion=${kept.promotionId}`)).id).toBe(kept.id)
    expect((await get(`${ROUTE}/r1?promotion=${other}`)).status).toBe(404)
    expect((await get(`${ROUTE}/r1?promotion=newest`)).status).toBe(400)
    expect((await get(`${ROUTE}/r1`, 'other')).status).toBe(404)
  })

  test('of a release that no promotion has judged concludes nothing, and says so', async () => {
    await made(2)
    const { id, hash, content, card } = await shown(`${ROUTE}/r2`)

    expect([id, hash, content]).toEqual([null, null, null])
    expect(card).toMatchObject({ promotion: null, evaluation: null, failures: null, cost_and_latency: [] })
    expect(card.models[0]?.price).toBe(null)
    expect(card.missing).toEqual([expect.stringMatching(/^No evidence: /)])
  })

  test('of a release with a finished run and no verdict says what failed and what it cost, and concludes nothing', async () => {
    const { evaluation, judges, failures, cost_and_latency, data, missing } = await readCard(
      deps(),
      release,
      {
        promotion: null,
        verdict: null,
      },
    )

    expect([evaluation, judges]).toEqual([null, []])
    expect([failures?.total, cost_and_latency.length, data.datasets.length]).toEqual([4, 1, 1])
    expect(missing).toEqual([expect.stringMatching(/^No evidence: /)])
  })

  test('is printed as Markdown, written as a page, and given whole as JSON', async () => {
    const directory = aFolder()
    const key = server.keyOf('default', 'auditor').token
    const card = async (...words: string[]) =>
      await commandLine(['card', ...words], { url: server.url, key }, { directory })
    const [printed, written, data, wrong] = [
      await card(`${ROUTE}@r1`),
      await card(`${ROUTE}@r1`, '--html', 'card.html'),
      await card(`${ROUTE}@r1`, '--json', '--promotion', kept.promotionId),
      await card(`${ROUTE}@newest`),
    ]

    expect(printed).toMatchObject({ exitCode: 0, out: expect.stringContaining(`# ${ROUTE} r1\n`) })
    expect(written).toEqual({ exitCode: 0, out: 'card: card.html\n', err: '' })
    expect(readFileSync(join(directory, 'card.html'), 'utf8')).toContain(
      `<title>Model card: ${ROUTE} r1</title>`,
    )
    expect((JSON.parse(data.out) as Shown).content).toBe(kept.content)
    expect(wrong).toMatchObject({ exitCode: 2, err: expect.stringContaining('names no release') })
  })

  test('counts the licences and languages of a snapshot’s documents, and those of which nobody has stated any', async () => {
    const { sql } = open()
    const licences = ['internal', 'internal', null]
    await sql`
      INSERT INTO source_snapshots (id, project_id, source_id, source, hash, documents, characters, created_at)
      VALUES ('snp_1', 'prj_default', 'src_1', 'handbook', 'h', 3, 3, now())`
    for (const [position, licence] of licences.entries()) {
      const hash = `d${position}`
      await sql`
        INSERT INTO documents (project_id, hash, key, language, licence, metadata, body, created_at)
        VALUES ('prj_default', ${hash}, ${hash}, 'en', ${licence}, '{}', 'x', now())`
      await sql`INSERT INTO snapshot_documents (snapshot_id, position, hash) VALUES ('snp_1', ${position}, ${hash})`
    }
    const facts = async (project: string) =>
      await readSnapshotFacts(sql, project, { source: 'handbook', hash: 'h' }, 20)

    expect(await facts('prj_default')).toEqual({
      licences: [
        { value: 'internal', count: 2 },
        { value: null, count: 1 },
      ],
      languages: [{ value: 'en', count: 3 }],
    })
    expect(await facts('prj_other')).toEqual({ licences: [], languages: [] })
  })

  test('is never changed, removed or emptied by SQL', async () => {
    const { sql } = open()

    await expect(sql`UPDATE model_cards SET content = '{}'`).rejects.toThrow(/never changed/)
    await expect(sql`DELETE FROM model_cards`).rejects.toThrow(/never changed/)
    await expect(sql`TRUNCATE model_cards`).rejects.toThrow(/never changed/)
  })
})
