import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { renderStartScreen, type StartScreen } from '../../src/start-screen.ts'

const SCREEN: StartScreen = {
  version: '0.1.0',
  url: 'http://127.0.0.1:8700',
  database: 'embedded, .aval/db   ready in 2.4 s',
  queue: 'in the database',
  upstreams: [
    { name: 'openai', from: 'from env:OPENAI_API_KEY' },
    { name: 'local', from: 'reader, embed' },
  ],
  freshKeys: { admin: 'vk_admin', app: 'vk_app' },
  tryKey: 'vk_app',
  tryModel: 'local/reader',
}

test('a first start shows both keys once and says that it does', () => {
  const text = renderStartScreen(SCREEN, false)

  expect(text.match(/vk_admin/g)).toHaveLength(1)
  expect(text).toContain('admin  vk_admin  shown once')
  expect(text).toContain('app    vk_app  shown once')
})

test('a later start shows no keys', () => {
  const text = renderStartScreen(
    { ...SCREEN, freshKeys: { admin: null, app: null }, tryKey: 'YOUR_APP_KEY' },
    false,
  )

  expect(text).not.toContain('shown once')
  expect(text).toContain('Bearer YOUR_APP_KEY')
})

test('the line to try is one that a shell takes as printed', () => {
  const line = /^ {2}try +(curl .*)$/m.exec(renderStartScreen(SCREEN, false))?.[1] ?? ''

  const words = execFileSync('bash', ['-c', line.replace(/^curl/, "printf '%s\\n'")], {
    encoding: 'utf8',
  }).split('\n')

  expect(words).toContain('authorization: Bearer vk_app')
  expect(JSON.parse(words.at(-2) ?? '')).toMatchObject({ model: 'local/reader' })
})

test('without colours the screen holds no escape sequences', () => {
  const escapeCode = String.fromCharCode(27)

  expect(renderStartScreen(SCREEN, false)).not.toContain(escapeCode)
  expect(renderStartScreen(SCREEN, true)).toContain(escapeCode)
})
