/**
 * Checks sources against the rules of the house: who may import whom, who may reach outside, how large a file may be.
 * Works on text alone (path -> source), so that a test can show it made-up sources. Never reads a file itself.
 */

export type Sources = Readonly<Record<string, string>>

/** Top-level files that belong to a room; every other file directly in src/ composes the rooms. */
const ROOM_FILES: Readonly<Record<string, string>> = { 'config.ts': 'config', 'errors.ts': 'errors' }
const GROUND = ['errors', 'lib', 'telemetry']
const GATEWAY_BELOW = ['keys', 'registry', 'retrieval', 'providers', 'audit', 'db', ...GROUND]
const EVALS_BELOW = ['gateway', ...GATEWAY_BELOW]
const SUBJECTS = ['config', 'promotion', 'monitoring', 'evals', ...EVALS_BELOW]

/** Room -> rooms it may import. What is not named is forbidden. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  errors: [],
  config: ['errors', 'lib'],
  telemetry: ['lib'],
  db: GROUND,
  queue: GROUND,
  providers: GROUND,
  audit: ['db', ...GROUND],
  keys: ['db', ...GROUND],
  registry: ['db', ...GROUND],
  retrieval: ['providers', 'registry', 'audit', 'db', ...GROUND],
  gateway: GATEWAY_BELOW,
  evals: EVALS_BELOW,
  monitoring: ['evals', 'audit', ...EVALS_BELOW],
  promotion: ['monitoring', 'evals', 'registry', ...EVALS_BELOW],
  jobs: [...SUBJECTS, 'queue'],
  http: [...SUBJECTS, 'queue', 'dashboard'],
  dashboard: ['lib'],
  cli: ['errors', 'lib'],
}

/** Packages with one home: what the import, or the file it leads to, matches, and which files may hold it. */
const PACKAGE_HOMES: readonly { what: string; matches: RegExp; home: RegExp }[] = [
  {
    what: 'the database',
    matches: /^(drizzle-orm(\/|$)|src\/db\/orm\.ts$)/,
    home: /^src\/(db\/|(.+\/)?store\.ts$)/,
  },
  { what: 'the queue', matches: /^bullmq(\/|$)/, home: /^src\/(queue\/|jobs\/worker\.ts$)/ },
  { what: 'the web framework', matches: /^(hono|@hono\/.+)(\/|$)/, home: /^src\/http\// },
  {
    what: 'outbound connections',
    matches: /^(undici|nodemailer|(node:)?(https|http2|tls|dgram))$/,
    home: /^src\/(providers|cli)\//,
  },
  { what: 'HTTP', matches: /^(node:)?http$/, home: /^src\/(http|providers|cli)\// },
  { what: 'sockets', matches: /^(node:)?net$/, home: /^src\/(db|http|providers|cli)\// },
]

const MAX_LINES = 350
const LONG_FILES = /(^src\/db\/schema\.ts|\.generated\.ts)$/
const OUTBOUND_ROOMS = new Set(['providers', 'cli'])

type Import = { specifier: string; names: string; typeOnly: boolean }

/** Every violation as `file: what is wrong`, in the order of the files. Empty when the house is in order. */
export function architectureProblems(sources: Sources): string[] {
  const edges = new Map<string, string[]>()
  const problems = Object.entries(sources).flatMap(([path, source]) => {
    const code = withoutComments(source)
    const imports = importsOf(code)
    edges.set(
      path,
      imports.filter(({ specifier }) => specifier.startsWith('.')).map((one) => resolve(path, one.specifier)),
    )
    return [
      ...shapeProblems(path, source, code),
      ...imports.flatMap((one) => importProblems(path, one, sources)),
      ...threadsOf(code).flatMap((specifier) => roomProblems(path, resolve(path, specifier))),
      ...reachProblems(path, code),
    ].map((what) => `${path}: ${what}`)
  })
  return [...problems, ...cycles(edges).map((cycle) => `${cycle[0]}: imports itself: ${cycle.join(' -> ')}`)]
}

/** The room of a file; null for the files in src/ that compose the rooms. */
function roomOf(path: string): string | null {
  const [, first = '', ...rest] = path.split('/')
  return rest.length > 0 ? first : (ROOM_FILES[first] ?? null)
}

function shapeProblems(path: string, source: string, code: string): string[] {
  const problems: string[] = []
  const lines = source.trimEnd().split('\n').length
  if (lines > MAX_LINES && !LONG_FILES.test(path)) problems.push(`${lines} lines, more than ${MAX_LINES}`)
  // A program's first line may name its interpreter.
  if (!/^(#!.*\n)?\s*\/[/*]/.test(source)) problems.push('does not open with a comment')
  if (/\bexport\s+default\b|\bas\s+default\b/.test(code)) problems.push('has a default export')
  if (/^\s*(export\s+)?(declare\s+)?(const\s+)?enum\s+\w/m.test(code)) problems.push('declares an enum')
  const room = roomOf(path)
  if (room !== null && !Object.hasOwn(MAY_IMPORT, room)) problems.push(`stands in the unknown room "${room}"`)
  return problems
}

function importProblems(path: string, { specifier, names, typeOnly }: Import, sources: Sources): string[] {
  if (specifier === '') return ['imports something that only shows at run time']
  if (specifier.startsWith('.')) {
    const target = resolve(path, specifier)
    if (!target.startsWith('src/'))
      return typeOnly || target === 'package.json' ? [] : [`imports ${target}, outside src`]
    if (!Object.hasOwn(sources, target)) return [`imports ${target}, which does not exist`]
    return [...roomProblems(path, target), ...homeProblems(path, target)]
  }
  const problems = homeProblems(path, specifier)
  const room = roomOf(path) ?? ''
  if (typeOnly || OUTBOUND_ROOMS.has(room) || problems.length > 0) return problems
  // A server's side of HTTP and sockets is no outbound connection; the database's own Unix socket is not either.
  if (/^(node:)?http$/.test(specifier) && /\b(request|get|Agent|globalAgent)\b|\*/.test(names)) {
    problems.push(`imports "${names}" of "${specifier}": only providers and cli connect outwards`)
  }
  if (
    /^(node:)?net$/.test(specifier) &&
    room !== 'db' &&
    /\b(connect|createConnection|Socket)\b|\*/.test(names)
  ) {
    problems.push(`imports "${names}" of "${specifier}": only providers and cli connect outwards`)
  }
  return problems
}

/** `imported` is a package, or the file that stands for one. */
function homeProblems(path: string, imported: string): string[] {
  return PACKAGE_HOMES.filter(({ matches, home }) => matches.test(imported) && !home.test(path)).map(
    ({ what }) => `imports "${imported}": ${what} has another home`,
  )
}

function roomProblems(path: string, target: string): string[] {
  const from = roomOf(path)
  const to = roomOf(target)
  if (from === null || from === to) return []
  if (to === null) return [`imports ${target}: what composes the rooms is imported by none`]
  return MAY_IMPORT[from]?.includes(to) === true ? [] : [`imports ${target}: ${from} may not import ${to}`]
}

function reachProblems(path: string, code: string): string[] {
  const problems: string[] = []
  const room = roomOf(path)
  if (
    room !== 'config' &&
    /\bprocess\s*(\?\.|\.)\s*env\b|\bprocess\s*\[|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/.test(code)
  ) {
    problems.push('reads process.env: only config does')
  }
  const outbound = /(?<![.\w#])fetch\s*\(|\bglobalThis\s*\.\s*fetch\b|\bnew\s+(WebSocket|EventSource)\b/
  if (!OUTBOUND_ROOMS.has(room ?? '') && outbound.test(code)) {
    problems.push('opens an outbound connection: only providers and cli do')
  }
  return problems
}

/** Comments become nothing; strings, templates and regular expressions stay as they are. */
function withoutComments(source: string): string {
  const kept =
    /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|(?<=[=(,:!&|?;[{\s])\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g
  return source.replace(kept, (_all, literal?: string) => literal ?? ' ')
}

/** Static imports, re-exports and dynamic imports, of types too. A dynamic import of no literal has the specifier ''. */
function importsOf(code: string): Import[] {
  const named = /(?:^|[;}\n])\s*(?:import|export)\s+(type\s+)?([\w\s{},*$]*?)\s*\bfrom\s*(['"])([^'"\n]+)\3/g
  const bare = /(?:^|[;}\n])\s*import\s*(['"])([^'"\n]+)\1/g
  const dynamic = /\bimport\s*\(\s*(?:(['"`])([^'"`\n$]+)\1\s*[,)])?/g
  return [
    ...[...code.matchAll(named)].map(([, type, names = '', , specifier = '']) => ({
      specifier,
      names: names.trim(),
      typeOnly: type !== undefined || /^\{(\s*type\s+\w+(\s+as\s+\w+)?\s*,?)+\s*\}$/.test(names.trim()),
    })),
    ...[...code.matchAll(bare)].map(([, , specifier = '']) => ({ specifier, names: '*', typeOnly: false })),
    ...[...code.matchAll(dynamic)].map(([, , specifier = '']) => ({
      specifier,
      names: '*',
      typeOnly: false,
    })),
  ]
}

/** Files started as a thread or a process: `new URL('./x.ts', import.meta.url)`. */
function threadsOf(code: string): string[] {
  return [...code.matchAll(/new URL\(\s*(['"])(\.[^'"]+\.ts)\1\s*,\s*import\.meta\.url/g)].map(
    ([, , path = '']) => path,
  )
}

function resolve(from: string, specifier: string): string {
  const url = new URL(specifier, `file:///${from}`)
  return decodeURIComponent(url.pathname.slice(1))
}

/** One line per cycle, each found once: depth-first, with the path that led back. */
function cycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path)
    if (at >= 0) {
      found.push([...trail.slice(at), path])
      return
    }
    if (done.has(path)) return
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
  return found
}
