/** What a reader sees of a page, and nothing of what a page hides. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseOne, refusal } from '../../../support/parsing.ts'

const textOf = async (html: string) => (await parseOne('html', html)).text

describe('a page', () => {
  test('keeps headings, lists, tables and code as Markdown, and has a title and a language', async () => {
    const page = await parseOne(
      'html',
      '<!doctype html><html lang=de-at><head><title>Tea &amp; milk</title></head><body><h2>Top <b>bold</b></h2><p>One<br>two &nbsp; three</p>' +
        '<ul><li>a<ul><li>b</ul><li>c</ul><ol start=3><li>x<li>y</ol><table><tr><th>A<th>B<tr><td>1|2<td>3</table><pre>  code\n  more</pre></html>',
    )

    expect(page).toMatchObject({ title: 'Tea & milk', language: 'de-AT' })
    expect(page.text).toBe(
      '## Top bold\n\nOne\ntwo three\n\n- a\n  - b\n- c\n3. x\n4. y\n\n| A | B |\n| --- | --- |\n| 1\\|2 | 3 |\n\n```\n  code\n  more\n```',
    )
  })

  test('laid out with a table is read cell by cell', async () => {
    expect(await textOf('<table><tr><td><h1>News</h1><p>Words.</td><td>Side</td></tr></table>')).toBe(
      '# News\n\nWords.\n\nSide',
    )
  })

  test('has no headings and fences but its own', async () => {
    expect(await textOf('<p># no heading<p>``` no fence<pre>a\n```\nb</pre>')).toBe(
      '\\# no heading\n\n\\``` no fence\n\n````\na\n```\nb\n````',
    )
  })

  test('in the charset that it declares is read in it', async () => {
    const bytes = Buffer.concat([
      Buffer.from('<meta charset="windows-1251"><p>'),
      Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2]),
    ])

    expect((await parseOne('html', bytes)).text).toBe('Привет')
    expect(
      await refusal(
        parseOne('html', Buffer.concat([Buffer.from('<meta charset="no-such">'), Buffer.from([0xff])])),
      ),
    ).toMatch(/^encoding: .*no-such/)
  })
})

describe('a hostile page', () => {
  test.each([
    ['a script', '<script>SECRET</script>'],
    ['a script that pretends to end', '<script>"</scr" + "ipt>SECRET"</script>'],
    ['a style', '<style>.a::after{content:"SECRET"}</style>'],
    ['a template', '<template><p>SECRET</p></template>'],
    ['a comment', '<!-- SECRET --><!--><!-- SECRET -->'],
    ['what only shows without scripts', '<noscript>SECRET</noscript>'],
    ['a hidden element', '<div hidden>SECRET<p>SECRET</p></div>'],
    ['an element hidden from readers', '<span aria-hidden="true">SECRET</span>'],
    ['an element that is not displayed', '<div style="color:red; DISPLAY : none !important"><p>SECRET</div>'],
    [
      'an invisible element',
      '<i style="visibility:hidden">SECRET</i><i style="opacity:0">SECRET</i><i style="font-size:0px">SECRET</i>',
    ],
    [
      'an event handler',
      '<img src=x onerror="SECRET" alt="SECRET"><a href="javascript:SECRET" title=SECRET>',
    ],
    ['a frame', '<iframe srcdoc="SECRET">SECRET</iframe><object data=SECRET>SECRET</object>'],
    ['a drawing', '<svg><title>SECRET</title><text>SECRET</text></svg>'],
    [
      'an input',
      '<input type=hidden value=SECRET><textarea>SECRET</textarea><select><option>SECRET</select>',
    ],
    ['a processing instruction', '<?php echo "SECRET" ?><![CDATA[ SECRET ]]>'],
    ['a doctype', '<!DOCTYPE html [<!ENTITY x "SECRET">]>&x;'],
  ])('gives no text of %s', async (_name, html) => {
    const text = await textOf(`<p>before</p>${html}<p>after</p>`)

    expect(text).not.toContain('SECRET')
    expect(text).toContain('before')
    expect(text).toContain('after')
  })

  test('nested a million deep is refused, and not gone down into', async () => {
    expect(await refusal(parseOne('html', '<b>'.repeat(1e6)))).toMatch(/^broken: .*1000/)
  })

  test.each([
    ['tags that close nothing', '</b>'.repeat(3e5)],
    ['a tag that never ends', `<a ${'b="c" '.repeat(3e5)}`],
    ['comments that never end', '<!--'.repeat(3e5)],
    ['entities', '&amp;'.repeat(3e5)],
    ['tables in tables', `${'<table><tr><td>'.repeat(300)}x`],
    ['lists in lists', `${'<ul><li>'.repeat(400)}x`],
    ['brackets', '<'.repeat(3e5)],
    ['blanks', `a${' '.repeat(2e6)}b`],
    ['styles', `<p style="${'display:'.repeat(2e5)}">x`],
  ])(
    'of %s is read or refused; a look at the whole for each part would not end within the time of a test',
    async (_name, html) => {
      const outcome = await parseOne('html', `<p>x</p>${html}`).catch(
        (error: { code?: string }) => error.code,
      )

      expect(outcome).toBeDefined()
    },
  )

  test('has entities that make no half characters', async () => {
    expect(await textOf('a&#xD800;&#0;&#x110000;b')).toMatch(/^a\ufffd+b$/)
  })

  test('of any tags is read or refused', async () => {
    const names = fc.constantFrom(
      'p',
      'td',
      'tr',
      'table',
      'li',
      'ul',
      'h1',
      'pre',
      'svg',
      'title',
      'br',
      'form',
      'template',
      'a',
    )
    const pieces = fc.oneof(
      names.map((name) => `<${name}>`),
      names.map((name) => `</${name}>`),
      fc.constantFrom('word ', '<p hidden>', '\n', '&lt;', '<!--', '-->'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 60 }), async (html) => {
        await refusal(parseOne('html', html.join('')))
      }),
    )
  })
})
