/** Reads what the registry has, page by page: the newest version of every name, all releases, and histories as needed. */

import type { Client } from '../client.ts'
import type { SyncFile } from '../context.ts'
import type { Page } from '../list.ts'
import type { Kind, RegistryState, ReleaseContent, ReleaseState } from './plan.ts'

/** As large as `/api` gives them. */
const PAGE_ROWS = '200'

const PATHS = { prompt: '/api/prompts', model: '/api/model-versions' } as const

type VersionRow = {
  name: string
  version: number
  hash: string
  created_by: string
  created_by_name: string | null
}
type ReleaseRow = { route: string; release: string; content: string; labels: string[] }

type LabelledRelease = ReleaseState & { labels: readonly string[] }
export type Registry = { versions: readonly RegistryState[]; releases: readonly LabelledRelease[] }

/** `onLook` is told before each answer that is waited for. Throws CliError. */
export async function readRegistryState(
  client: Client,
  files: readonly SyncFile[],
  onLook: (looks: number) => void,
): Promise<Registry> {
  let looks = 0
  const pagesOf = async <Row>(path: string): Promise<Row[]> => {
    const rows: Row[] = []
    let cursor: string | undefined
    do {
      looks += 1
      onLook(looks)
      const query = { limit: PAGE_ROWS, cursor }
      const page: Page<Row> = await client.json<Page<Row>>({ method: 'GET', path, query })
      rows.push(...page.data)
      cursor = page.next_cursor ?? undefined
    } while (cursor !== undefined)
    return rows
  }
  const versions: RegistryState[] = []
  for (const kind of ['prompt', 'model'] as const) {
    const wanted = new Map(files.filter((file) => file.kind === kind).map(({ name, hash }) => [name, hash]))
    for (const newest of await pagesOf<VersionRow>(PATHS[kind])) {
      const hash = wanted.get(newest.name)
      // Only a file that is not the newest version may be an older one.
      const isOther = hash !== undefined && hash !== newest.hash
      const rows = isOther
        ? await pagesOf<VersionRow>(`${PATHS[kind]}/${encodeURIComponent(newest.name)}`)
        : [newest]
      versions.push(toState(kind, newest.name, rows))
    }
  }
  const releases = (await pagesOf<ReleaseRow>('/api/releases')).map(toRelease)
  return { versions, releases }
}

function toState(kind: Kind, name: string, rows: readonly VersionRow[]): RegistryState {
  const versions = rows.map(({ version, hash, created_by: by, created_by_name: byName }) => ({
    version,
    hash,
    by: byName ?? by,
  }))
  return { kind, name, versions }
}

function toRelease({ route, release, content, labels }: ReleaseRow): LabelledRelease {
  return {
    route,
    number: Number(release.slice(1)),
    production: labels.includes('production'),
    labels,
    content: JSON.parse(content) as ReleaseContent,
  }
}
