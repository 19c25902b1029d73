/** Every operation × every role × own and other project, generated from what the app has mounted. */

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { invalidKeyError } from '../../../src/http/auth.ts'
import { ROLES, type Role } from '../../../src/keys/key.ts'
import { testDatabase } from '../../support/database.ts'
import {
  COMMON_PARTS,
  KIND_BY_PATH,
  type Kind,
  MAKERS,
  type ProjectObjects,
} from '../../support/project-objects.ts'
import {
  EXAMPLES,
  firstOf,
  kindOf,
  OF_NO_PROJECT,
  OTHER_LISTS,
  pathOf,
  REFERENCES,
  requestOf,
} from '../../support/role-examples.ts'
import { ROLE_MATRIX, roleTable } from '../../support/role-matrix.ts'
import { type Answer, type Project, type RoleServer, startRoleServer } from '../../support/role-server.ts'

const OPERATIONS = Object.keys(ROLE_MATRIX)
/** What load balancers ask, who have no key. */
const OPEN_TO_ALL = ['GET /health', 'GET /health/live', 'GET /health/ready', 'GET /healthz', 'GET /readyz']
/** No project's own: its test is beside it. */
const OF_OPERATORS = ['GET /metrics']
/** Of a key that is let in wherever one of its roles is. */
const TWO_ROLES = ['approver', 'app'] as const
/**
 * An export is a way of reading that takes its time: it makes a copy and changes no row. Rendering only computes, and a
 * search only finds.
 */
const READING = [
  'POST /api/exports',
  'POST /api/prompts/{name}/versions/{version}/render',
  'POST /api/indexes/{name}/{version}/search',
]
const reads = (operation: string) => operation.startsWith('GET ') || READING.includes(operation)

let server: RoleServer
let closeDatabase: () => Promise<void>
let keyOfTwoRoles = ''
const made = new Map<string, Promise<ProjectObjects>>()

beforeAll(async () => {
  const database = await testDatabase()
  closeDatabase = database.close
  server = await startRoleServer(database)
  const body = { name: 'both', roles: TWO_ROLES }
  const both = await server.ask(server.keyOf('default', 'admin').token, 'POST', '/api/keys', body)
  keyOfTwoRoles = both.json.token
  await server.keyring.refresh()
})
afterAll(async () => {
  await server.close()
  await closeDatabase()
})

/** One object of the kind for all who only look at it. */
function kept(kind: Kind, project: Project): Promise<ProjectObjects> {
  const name = `${kind} of ${project}`
  const objects = made.get(name) ?? MAKERS[kind](server, project)
  made.set(name, objects)
  return objects
}

async function send(token: string | null, operation: string, objects: ProjectObjects): Promise<Answer> {
  const { method, path, body } = requestOf(operation, objects)
  return await server.ask(token, method, path, body)
}

/** Reading leaves an object as it was; whatever else is asked gets one of its own. */
async function ownObjects(operation: string): Promise<ProjectObjects> {
  const kind = kindOf(operation)
  if (kind === null) return {}
  return await (reads(operation) ? kept(kind, 'default') : MAKERS[kind](server, 'default'))
}

/** Operations on objects of no project are asked for one that nobody has. */
const isOfNoProject = (operation: string) =>
  Object.keys(OF_NO_PROJECT).some((start) => pathOf(operation).startsWith(`${start}/{`))

/** What can be wrong with a request whose caller was let in. */
const LET_IN = [200, 201, 202, 400, 404, 409, 415]

/** For an operation that no example makes succeed, the answer says at least that the role was no obstacle. */
function expectSuccess(operation: string, { status, text }: Answer): void {
  const succeeds = operation in EXAMPLES || (operation.startsWith('GET ') && !isOfNoProject(operation))
  const wanted = succeeds ? [200, 201, 202] : LET_IN
  expect(wanted, `${operation} answered ${status}: ${text.slice(0, 300)}`).toContain(status)
}

function expectRefused(operation: string, { status, json }: Answer): void {
  expect(status, operation).toBe(403)
  expect(json.error.code).toBe('permission_denied')
  const [, named = ''] = /needs the role (.+?);/.exec(json.error.message) ?? []
  expect(named.split(' or ').toSorted()).toEqual(ROLE_MATRIX[operation]?.toSorted())
}

describe('the matrix', () => {
  test('has one row for each operation that is mounted, and none besides', () => {
    const mounted = server.mounted.filter((operation) => /^\w+ \/(?:api|v1)\//.test(operation))
    const missing = mounted.filter((operation) => !(operation in ROLE_MATRIX))
    const gone = OPERATIONS.filter((operation) => !mounted.includes(operation))

    expect(
      missing.map((operation) => `test/support/role-matrix.ts needs a row '${operation}': ['admin', …],`),
    ).toEqual([])
    expect(gone.map((operation) => `'${operation}' is not mounted: take its row away.`)).toEqual([])
    expect(mounted.length).toBeGreaterThan(100)
  })

  test('is all there is: what stands elsewhere is health and the same paths as below /v1', () => {
    const elsewhere = server.mounted.filter((operation) => !/^\w+ \/(?:api|v1)\//.test(operation))
    const twins = OPERATIONS.filter((operation) => pathOf(operation).startsWith('/v1/'))

    expect(elsewhere.filter((operation) => ![...OPEN_TO_ALL, ...OF_OPERATORS].includes(operation))).toEqual(
      twins.map((operation) => operation.replace(' /v1', ' ')).toSorted(),
    )
  })

  test('is what the OpenAPI document says of itself', async () => {
    const { json } = await server.ask(server.keyOf('default', 'app').token, 'GET', '/api/openapi.json')
    const documented = Object.entries(
      json.paths as Record<string, Record<string, { 'x-aval-roles'?: Role[] }>>,
    )
      .flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, said]) => [
          `${method.toUpperCase()} /api${path}`,
          said['x-aval-roles']?.toSorted(),
        ]),
      )
      .toSorted()
    const undocumented = ['GET /api/openapi.json', 'GET /api/public/v2/prompts/{name}']

    expect(documented).toEqual(
      Object.entries(ROLE_MATRIX)
        .filter(([operation]) => pathOf(operation).startsWith('/api/') && !undocumented.includes(operation))
        .map(([operation, roles]) => [operation, roles.toSorted()])
        .toSorted(),
    )
  })

  test('stands in docs/security.md', () => {
    const page = readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8')

    expect(page.includes(roleTable()), `Put this table there:\n${roleTable()}`).toBe(true)
  })

  test('lets an auditor change nothing: no operation but reading lets one in', () => {
    const changing = OPERATIONS.filter((operation) => !reads(operation))

    expect(changing.length).toBeGreaterThan(5)
    expect(changing.filter((operation) => ROLE_MATRIX[operation]?.includes('auditor'))).toEqual([])
  })

  test('has no example and no exception for what is not there', () => {
    expect(
      Object.keys({ ...EXAMPLES, ...OTHER_LISTS }).filter((operation) => !(operation in ROLE_MATRIX)),
    ).toEqual([])
  })
})

describe.each(OPERATIONS)('%s', (operation) => {
  const roles = ROLE_MATRIX[operation] ?? []

  test('lets in the roles of its row, and tells all others which they are', async () => {
    for (const role of ROLES) {
      const { token } = server.keyOf('default', role)
      if (roles.includes(role)) {
        expectSuccess(operation, await send(token, operation, await ownObjects(operation)))
      } else {
        expectRefused(operation, await send(token, operation, {}))
      }
    }
  })

  test('lets in a key of two roles when one of them is enough', async () => {
    const answer = await send(keyOfTwoRoles, operation, {})

    if (TWO_ROLES.some((role) => roles.includes(role))) expect(LET_IN, answer.text).toContain(answer.status)
    else expectRefused(operation, answer)
  })

  test('gives the one 401 to whoever has no key', async () => {
    const { status, json } = await send(null, operation, {})

    const { code, message } = invalidKeyError()
    expect(status).toBe(401)
    expect(json.error).toMatchObject({ code, message })
  })
})

describe('at the top level', () => {
  const operations = OPERATIONS.filter((operation) => pathOf(operation).startsWith('/v1/'))

  test.each(operations)('%s lets nobody in whom it does not let in below /v1', async (operation) => {
    const { method, path } = requestOf(operation, {})
    const roles = ROLE_MATRIX[operation] ?? []

    const asNobody = await server.ask(null, method, path.slice('/v1'.length))
    expect(asNobody.status).toBe(401)
    for (const role of ROLES.filter((one) => !roles.includes(one))) {
      const token = server.keyOf('default', role).token
      expectRefused(operation, await server.ask(token, method, path.slice('/v1'.length)))
    }
  })
})

const isCommon = (value: string) => COMMON_PARTS.includes(value)

/** Ids and names of the kind as they could be and are not. */
function madeUp(objects: ProjectObjects): ProjectObjects {
  const entries = Object.entries(objects)
  return Object.fromEntries(
    entries.map(([at, value]) => [at, isCommon(value) ? value : `${value.slice(0, -6)}000000`]),
  )
}

/** An answer with every identifier that was asked for taken out. */
function shapeOf({ status, text }: Answer, asked: ProjectObjects) {
  const identifiers = Object.values(asked).filter((value) => !isCommon(value))
  return { status, text: identifiers.reduce((left, value) => left.replaceAll(value, 'IT'), text) }
}

describe('an object of another project', () => {
  const about = OPERATIONS.filter((operation) => kindOf(operation) !== null)

  test('is asked for by every operation that names one, or the exception has its reason', () => {
    const unknown = OPERATIONS.filter((operation) => pathOf(operation).includes('{'))
      .filter((operation) => !about.includes(operation) && !isOfNoProject(operation))
      .map(
        (operation) =>
          `${operation}: give it a maker in test/support/project-objects.ts, or a reason in OF_NO_PROJECT.`,
      )

    expect(unknown).toEqual([])
    expect(about.length).toBeGreaterThan(60)
  })

  test.each(about)('is to %s as one that does not exist', async (operation) => {
    const kind = kindOf(operation)!
    const [own, theirs] = [await kept(kind, 'default'), await kept(kind, 'other')]
    const { token } = server.keyOf('default', firstOf(ROLE_MATRIX[operation] ?? []))
    // All that is named is theirs; and, where more is named, what is theirs or nobody's is asked for in what is our own.
    const [outermost = ''] = Object.keys(own)
    // What is no part of a path is said of the outermost.
    const outer = Object.entries(own).filter(([at]) => at === outermost || !at.startsWith('/'))
    const inOwn = (objects: ProjectObjects) => ({ ...objects, ...Object.fromEntries(outer) })
    const isNested =
      JSON.stringify(requestOf(operation, inOwn(theirs))) !== JSON.stringify(requestOf(operation, own))
    const pairs = [[theirs, madeUp(theirs)], ...(isNested ? [[inOwn(theirs), inOwn(madeUp(theirs))]] : [])]
    for (const [asked = {}, none = {}] of pairs) {
      const foreign = await send(token, operation, asked)
      const missing = await send(token, operation, none)

      expect(foreign.status, foreign.text).toBe(404)
      expect(shapeOf(foreign, asked)).toEqual(shapeOf(missing, none))
    }
  })
})

describe('a query or a body that names an object of another project', () => {
  test.each(REFERENCES)('$names to $operation is answered as if there were none', async (reference) => {
    const { operation, names, query, body, beside = [] } = reference
    const kinds = [...beside, kindOf(operation)].filter((kind) => kind !== null)
    const own = Object.assign({}, ...(await Promise.all(kinds.map((kind) => kept(kind, 'default')))))
    const theirs = await kept(names, 'other')
    const { token } = server.keyOf('default', firstOf(ROLE_MATRIX[operation] ?? []))
    const name = async (named: ProjectObjects) => {
      const example = { query: () => query?.(named, own) ?? '', body: () => body?.(named, own) }
      const sent = requestOf(operation, own, example)
      return await server.ask(token, sent.method, sent.path, sent.body)
    }

    const ours = await name(await kept(names, 'default'))
    const foreign = await name(theirs)
    const missing = await name(madeUp(theirs))

    expect([200, 201], ours.text).toContain(ours.status)
    expect(shapeOf(foreign, theirs)).toEqual(shapeOf(missing, madeUp(theirs)))
    expect(foreign.text).not.toBe(ours.text)
  })
})

describe('a list', () => {
  const lists = OPERATIONS.filter((operation) => /^GET [^{]*$/.test(operation) && !(operation in OTHER_LISTS))

  test.each(lists)('%s shows the own project alone', async (operation) => {
    const path = pathOf(operation)
    const kind = KIND_BY_PATH.find(([start]) => start === path)?.[1]
    if (kind === undefined)
      throw new Error(`${operation}: add its kind to KIND_BY_PATH, or a reason to OTHER_LISTS.`)
    const role = firstOf(ROLE_MATRIX[operation] ?? [])
    // Pages of OpenAI's lists are short.
    const page = path.startsWith('/v1/') ? '?limit=100' : ''
    const own = { default: (await kept(kind, 'default'))[path]!, other: (await kept(kind, 'other'))[path]! }

    for (const [project, foreign] of [
      ['default', 'other'],
      ['other', 'default'],
    ] as const) {
      const { text } = await server.ask(server.keyOf(project, role).token, 'GET', `${path}${page}`)
      expect(text).toContain(own[project])
      expect(text).not.toContain(own[foreign])
      expect(text).not.toContain(`-of-${foreign}`)
    }
  })
})

test('nothing that was asked here was an error of our own', () => {
  expect(server.bugs).toEqual([])
})
