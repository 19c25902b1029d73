/** Keeps docker-compose.yml and Dockerfile true: nothing in them may name what the product does not know. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { ENVIRONMENT } from '../../src/config/environment.ts'
import { NODE_FLAGS } from '../support/gateway.ts'

type Service = {
  image?: string
  build?: string
  command?: string[]
  environment?: Record<string, string>
  read_only?: boolean
  volumes?: string[]
  depends_on?: Record<string, { condition: string }>
}
type Compose = { services: Record<string, Service>; volumes: Record<string, unknown> }

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
const compose = parse(text, { merge: true }) as Compose
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')
const instructions = dockerfile
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line))

const own = Object.entries(compose.services).filter(([, service]) => service.build !== undefined)

const known = new Set(Object.keys(ENVIRONMENT))
/** What a shell or an image of the services themselves reads. */
const NOT_OURS = new Set(['NODE_ENV', 'POSTGRES_PASSWORD'])

test('the file starts a database, Redis, a migration, a gateway and a worker', () => {
  expect(Object.keys(compose.services).sort()).toEqual(['migrate', 'postgres', 'redis', 'serve', 'work'])
  expect(own.map(([name, service]) => [name, service.command])).toEqual([
    ['migrate', ['migrate']],
    ['serve', ['serve']],
    ['work', ['work']],
  ])
})

test('the database has pgvector and Redis never drops a job', () => {
  expect(compose.services.postgres?.image).toBe('pgvector/pgvector:pg17')
  expect(compose.services.redis?.command?.join(' ')).toContain('--maxmemory-policy noeviction')
})

test('every environment name in docker-compose.yml is one that Aval reads', () => {
  const names = own.flatMap(([, service]) => Object.keys(service.environment ?? {}))

  expect(names.length).toBeGreaterThan(10)
  expect(names.filter((name) => !known.has(name))).toEqual([])
})

test('every variable that docker-compose.yml takes from outside is passed on under its own name', () => {
  const taken = new Set([...text.matchAll(/\$\{([A-Z_]+)/g)].map((match) => match[1] ?? ''))
  const passed = new Set(own.flatMap(([, service]) => Object.keys(service.environment ?? {})))

  expect([...taken].filter((name) => !passed.has(name) && !NOT_OURS.has(name))).toEqual([])
})

test('every environment name in the Dockerfile is one that Aval or Node reads', () => {
  const names = instructions
    .filter((line) => line.startsWith('ENV '))
    .flatMap((line) => [...line.matchAll(/([A-Z_]+)=/g)].map((match) => match[1] ?? ''))

  expect(names).toContain('AVAL_HOME')
  expect(names.filter((name) => !known.has(name) && !NOT_OURS.has(name))).toEqual([])
})

test('no secret has a value in either file', () => {
  const secrets = [...text.matchAll(/^\s+(\w*(?:KEY|PEPPER|PASSWORD)): *(.*)$/gm)]

  expect(secrets.length).toBeGreaterThan(4)
  for (const [, name, value] of secrets) expect(value, name).toMatch(/^\$\{[A-Z_]+(:-|:\?[^}]*)\}$/)
  expect(dockerfile).not.toMatch(/KEY|PEPPER|PASSWORD|SECRET/)
})

test('the containers of Aval can write nothing but their data folder', () => {
  for (const [name, service] of own) expect(service.read_only, name).toBe(true)
  expect(instructions).toContain('USER node')
  expect(instructions).toContain('VOLUME /data')
  expect(instructions.indexOf('USER node')).toBeLessThan(
    instructions.findIndex((line) => line.startsWith('CMD')),
  )
})

test('everything the image copies exists, and the image runs the program of package.json', () => {
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: { aval: string } }
  const copied = instructions
    .filter((line) => line.startsWith('COPY '))
    .flatMap((line) => line.split(/\s+/).slice(1, -1))

  expect(copied.length).toBeGreaterThan(4)
  expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([])
  const words = ['node', ...NODE_FLAGS, bin.aval].map((word) => `"${word}"`)
  expect(instructions).toContain(`ENTRYPOINT [${words.join(', ')}]`)
  expect(instructions[0]).toMatch(/^FROM node:24-slim$/)
})

test('the image, the scripts, the aval command and the tests give Node the same flags', () => {
  const { bin, scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    bin: { aval: string }
    scripts: { start: string; aval: string }
  }
  const flags = NODE_FLAGS.join(' ')

  expect(scripts.start).toBe(`node ${flags} ${bin.aval} serve`)
  expect(scripts.aval).toBe(`node ${flags} ${bin.aval}`)
  expect(readFileSync(join(root, bin.aval), 'utf8').split('\n')[0]).toBe(`#!/usr/bin/env -S node ${flags}`)
})

test('what is copied into the image is not shut out by .dockerignore', () => {
  const allowed: string[] = readFileSync(join(root, '.dockerignore'), 'utf8').match(/^!(.+)$/gm) ?? []
  const copied = instructions
    .filter((line) => line.startsWith('COPY '))
    .flatMap((line) => line.split(/\s+/).slice(1, -1))
    .map((path) => path.replace('./', ''))

  expect(copied.filter((path) => !allowed.includes(`!${path}`))).toEqual([])
})
