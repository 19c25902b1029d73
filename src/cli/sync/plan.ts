/**
 * What has to be added so that the registry has what the files say, pure. Only versions and releases are ever added.
 * Nothing is remembered between two syncs: the registry itself knows every content it ever had, by its hash, so a file
 * that equals an older version is one that others have gone on from, and not an edit.
 */

import { isDeepStrictEqual } from 'node:util'

export type Kind = 'prompt' | 'model'
export type FileState = { kind: Kind; name: string; hash: string }
type KnownVersion = { version: number; hash: string; by: string }
/** `versions`: newest first, never empty; the older ones may be left out when the newest is what the file says. */
export type RegistryState = { kind: Kind; name: string; versions: readonly KnownVersion[] }

type Ref = { name: string; version: number; hash: string }
/** As the registry stores it; members that are not named here are carried along. */
export type ReleaseContent = {
  prompt: Ref | null
  targets: readonly { model: Ref; weight: number | null }[]
}
export type ReleaseState = { route: string; number: number; production: boolean; content: ReleaseContent }

/** `after` is the newest version when the plan was made, 0 and null for none. */
export type PushStep = {
  action: 'push'
  kind: Kind
  name: string
  version: number
  after: number
  afterBy: string | null
}
type Repin = { kind: Kind; name: string; from: number; to: number }
export type ReleaseStep = {
  action: 'release'
  route: string
  release: number
  from: number
  changes: readonly Repin[]
  prompt: string | null
  /** By name; null leaves the models of `from` as they are. */
  models: readonly { name: string; version: number; weight: number | null }[] | null
}
/** The file equals `file`, and the registry has gone on to `registry`. */
export type Behind = {
  action: 'behind'
  kind: Kind
  name: string
  file: number
  registry: number
  by: string
}
/** The release that pins what the files say: `isThere` when it was made before, `isServed` when a label points to `from`. */
export type Candidate = ReleaseStep & { isThere: boolean; isServed: boolean }
/** The file is older than what a release pins, so the release keeps it. */
export type Kept = { route: string; kind: Kind; name: string; file: number; pinned: number }
/** What the files make of every route, whether or not others have gone on from them. */
export type ChangePlan = Pick<Plan, 'pushes' | 'mixed'> & {
  candidates: readonly Candidate[]
  kept: readonly Kept[]
}
/** Only the registry has it. */
type NoFile = { action: 'no_file'; kind: Kind; name: string; version: number }
/** A release that has a model in several versions compares them: which one to replace is not ours to guess. */
type Mixed = { action: 'mixed'; route: string; release: number; model: string }

export type Plan = {
  pushes: readonly PushStep[]
  releases: readonly ReleaseStep[]
  behind: readonly Behind[]
  noFile: readonly NoFile[]
  mixed: readonly Mixed[]
  /** Files that are the newest version already. */
  unchanged: number
}

type Current = { kind: Kind; version: number; hash: string }

export function planSync(
  files: readonly FileState[],
  registry: readonly RegistryState[],
  releases: readonly ReleaseState[],
): Plan {
  const { pushes, behind, unchanged, current } = survey(files, registry)
  const inFiles = new Set(files.map(keyOf))
  const { candidates, mixed } = planRoutes(releases, current)
  return {
    pushes,
    behind,
    unchanged,
    noFile: registry.flatMap((state) => (inFiles.has(keyOf(state)) ? [] : [withoutFile(state)])),
    releases: candidates
      .filter(({ isThere, changes }) => !isThere && changes.length > 0)
      .map(({ isThere: _, isServed: __, ...step }) => step),
    mixed,
  }
}

/**
 * The releases that differ from what a label serves (`production` of each release says so), one for each route; of a route
 * that the label does not serve, its newest release with what the files change. A file that equals an older version than the
 * newest counts as that version: the newest may be of another change that is not merged.
 */
export function planChange(
  files: readonly FileState[],
  registry: readonly RegistryState[],
  releases: readonly ReleaseState[],
): ChangePlan {
  const { pushes, current, older } = survey(files, registry)
  const pinnable = new Map([...current, ...older])
  const { candidates, mixed, kept } = planRoutes(releases, pinnable)
  const isEdited = ({ route, release, model }: Mixed) => {
    const own = releases.find((one) => one.route === route && one.number === release)
    const pinned = own?.content.targets.filter((target) => target.model.name === model) ?? []
    const file = pinnable.get(keyOf({ kind: 'model', name: model }))?.version ?? 0
    return pinned.every(({ model: { version } }) => version < file)
  }
  return { pushes, candidates, mixed: mixed.filter(isEdited), kept }
}

type Survey = Pick<Plan, 'pushes' | 'behind' | 'unchanged'> & {
  /** What a release has to pin, by kind and name. */
  current: ReadonlyMap<string, Current>
  /** The same for files that are behind. */
  older: ReadonlyMap<string, Current>
}

function survey(files: readonly FileState[], registry: readonly RegistryState[]): Survey {
  const known = new Map(registry.map((state) => [keyOf(state), state]))
  const pushes: PushStep[] = []
  const behind: Behind[] = []
  const current = new Map<string, Current>()
  const older = new Map<string, Current>()
  let unchanged = 0
  for (const { kind, name, hash } of files) {
    const versions = known.get(keyOf({ kind, name }))?.versions ?? []
    const [newest] = versions
    const same = versions.find((one) => one.hash === hash)
    if (newest !== undefined && same !== undefined && same !== newest) {
      const { version: file } = same
      behind.push({ action: 'behind', kind, name, file, registry: newest.version, by: newest.by })
      older.set(keyOf({ kind, name }), { kind, version: file, hash })
      continue
    }
    const after = newest?.version ?? 0
    const version = same?.version ?? after + 1
    current.set(keyOf({ kind, name }), { kind, version, hash })
    if (same !== undefined) unchanged += 1
    else pushes.push({ action: 'push', kind, name, version, after, afterBy: newest?.by ?? null })
  }
  return { pushes, behind, unchanged, current, older }
}

/** What `sync --check` refuses: something to add, or a file that is not the newest version. */
export function hasDrift({ pushes, releases, behind }: Plan): boolean {
  return pushes.length + releases.length + behind.length > 0
}

function keyOf({ kind, name }: { kind: Kind; name: string }): string {
  return `${kind} ${name}`
}

function withoutFile({ kind, name, versions }: RegistryState): NoFile {
  return { action: 'no_file', kind, name, version: versions[0]?.version ?? 0 }
}

function planRoutes(
  releases: readonly ReleaseState[],
  current: ReadonlyMap<string, Current>,
): { candidates: Candidate[]; mixed: Mixed[]; kept: Kept[] } {
  const candidates: Candidate[] = []
  const mixed: Mixed[] = []
  const kept: Kept[] = []
  for (const [route, own] of Map.groupBy(releases, (release) => release.route)) {
    const newest = own.reduce((one, other) => (other.number > one.number ? other : one))
    // What production serves, as `aval release create` does it: a newer release may be an experiment.
    const base = own.find(({ production }) => production) ?? newest
    const [twice] = severalVersions(base.content)
    if (twice !== undefined && current.has(keyOf({ kind: 'model', name: twice }))) {
      mixed.push({ action: 'mixed', route, release: base.number, model: twice })
      continue
    }
    kept.push(...keptIn(base, current))
    const { content, changes } = repinned(base.content, current)
    if (changes.length === 0 && base.production) continue
    const same = own.find((release) => isDeepStrictEqual(release.content, content))
    const step = stepOf(base, same?.number ?? newest.number + 1, content, changes)
    candidates.push({ ...step, isThere: same !== undefined, isServed: base.production })
  }
  const byRoute = (one: { route: string }, other: { route: string }) => (one.route < other.route ? -1 : 1)
  return {
    candidates: candidates.toSorted(byRoute),
    mixed: mixed.toSorted(byRoute),
    kept: kept.toSorted(byRoute),
  }
}

function keptIn({ route, content }: ReleaseState, current: ReadonlyMap<string, Current>): Kept[] {
  const refs: (Ref & { kind: Kind })[] = [
    ...(content.prompt === null ? [] : [{ kind: 'prompt' as const, ...content.prompt }]),
    ...content.targets.map(({ model }) => ({ kind: 'model' as const, ...model })),
  ]
  return refs.flatMap(({ kind, name, version: pinned }) => {
    const file = current.get(keyOf({ kind, name }))?.version ?? pinned
    return file < pinned ? [{ route, kind, name, file, pinned }] : []
  })
}

function severalVersions({ targets }: ReleaseContent): string[] {
  const versions = Map.groupBy(targets, ({ model }) => model.name)
  return [...versions]
    .filter(([, own]) => new Set(own.map(({ model }) => model.version)).size > 1)
    .map(([name]) => name)
}

/** The content with every older version replaced; never a newer one, which was pushed while the plan was made. */
function repinned(
  content: ReleaseContent,
  current: ReadonlyMap<string, Current>,
): { content: ReleaseContent; changes: Repin[] } {
  const changes = new Map<string, Repin>()
  const repin = (kind: Kind, ref: Ref): Ref => {
    const to = current.get(keyOf({ kind, name: ref.name }))
    if (to === undefined || to.version <= ref.version) return ref
    changes.set(keyOf({ kind, name: ref.name }), {
      kind,
      name: ref.name,
      from: ref.version,
      to: to.version,
    })
    return { name: ref.name, version: to.version, hash: to.hash }
  }
  const prompt = content.prompt === null ? null : repin('prompt', content.prompt)
  const targets = content.targets.map((target) => ({ ...target, model: repin('model', target.model) }))
  return { content: { ...content, prompt, targets }, changes: [...changes.values()] }
}

function stepOf(
  base: ReleaseState,
  release: number,
  { prompt, targets }: ReleaseContent,
  changes: readonly Repin[],
): ReleaseStep {
  const models = targets.map(({ model: { name, version }, weight }) => ({ name, version, weight }))
  return {
    action: 'release',
    route: base.route,
    release,
    from: base.number,
    changes,
    prompt: changes.some(({ kind }) => kind === 'prompt') ? (prompt?.name ?? null) : null,
    models: changes.some(({ kind }) => kind === 'model') ? models : null,
  }
}
