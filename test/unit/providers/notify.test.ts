/** Posting and mailing to receivers that behave badly, over real sockets. */

import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { openAlertChannels } from '../../../src/alert-channels.ts'
import type { ChannelConfig } from '../../../src/config/alerts.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { Secret } from '../../../src/lib/secret.ts'
import { signWebhook, webhookKey } from '../../../src/lib/webhook-signature.ts'
import { toMessage } from '../../../src/monitoring/alerts/message.ts'
import { sendMail } from '../../../src/providers/notify/email.ts'
import { createPoster } from '../../../src/providers/notify/post.ts'
import { aKnownAlert } from '../../support/alerts.ts'
import { hasOpenssl, makeCertificate } from '../../support/certificate.ts'
import { startSmtpServer } from '../../support/smtp-server.ts'

const TIMEOUT_MS = 300
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

async function post(listener: RequestListener) {
  const port = await listen(createServer(listener))
  return await postTo(`http://127.0.0.1:${port}/hook/secret-path`)
}

async function postTo(url: string) {
  const poster = createPoster({ timeoutMs: TIMEOUT_MS })
  closing.push(() => poster.close())
  const came = await poster.post({ url, headers: {}, body: '{"a":1}' })
  expect(JSON.stringify(came)).not.toContain('secret-path')
  return came
}

describe('a receiver', () => {
  test('that takes the message is done with it, whatever it says behind its status', async () => {
    const huge: RequestListener = (_, answer) => {
      const pour = () => {
        while (answer.writable && answer.write('x'.repeat(65_536)));
        if (answer.writable) answer.once('drain', pour)
      }
      pour()
    }
    const slow: RequestListener = (_, answer) => answer.writeHead(200).flushHeaders()

    expect(await post((_, answer) => answer.end('ok'))).toEqual({ outcome: 'sent', note: null })
    expect(await post(huge)).toEqual({ outcome: 'sent', note: null })
    expect(await post(slow)).toEqual({ outcome: 'sent', note: null })
  })

  test.each([
    [500, 'retry'],
    [503, 'retry'],
    [408, 'retry'],
    [425, 'retry'],
    [429, 'retry'],
    [400, 'refused'],
    [401, 'refused'],
    [404, 'refused'],
    [410, 'refused'],
  ])('that answers %d: %s', async (status, outcome) => {
    const came = await post((_, answer) => answer.writeHead(status).end('no\u001b[31m\nservice'))

    expect(came).toMatchObject({
      outcome,
      note: expect.stringMatching(new RegExp(`answered ${status}: no.*service$`)),
    })
    expect(came.note).not.toContain('\u001b')
  })

  test('that repeats the address in its answer gives nothing of it away', async () => {
    const came = await post((request, answer) => answer.writeHead(404).end(`Cannot POST ${request.url}`))

    expect(came.note).toMatch(/answered 404: Cannot POST \*\*\*$/)
  })

  test('that repeats parts of the address, plain or decoded, gives none of them away', async () => {
    const port = await listen(
      createServer((_, answer) =>
        answer
          .writeHead(404)
          .end('no hook T0 with secret-path/token%20one, token one, key a+b/c=d or a b/c=d for abcdefgh'),
      ),
    )
    const hook = `http://127.0.0.1:${port}/hook/T0/secret-path/token%20one?key=abcdefgh%26ij&q=abcdefgh`

    expect((await postTo(hook)).note).toMatch(
      /answered 404: no hook T0 with \*\*\*\/\*\*\*, \*\*\*, key a\+b\/c=d or a b\/c=d for \*\*\*$/,
    )
  })

  test('that redirects is not followed, and told what to do', async () => {
    const followed: unknown[] = []
    const port = await listen(createServer((_, answer) => answer.end(String(followed.push(1)))))

    const came = await post((_, answer) =>
      answer.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end(),
    )

    expect(came).toMatchObject({
      outcome: 'retry',
      note: expect.stringMatching(/redirects \(307\), which is not followed/),
    })
    expect(followed).toEqual([])
  })

  test('that hangs, closes or is not there is tried again', async () => {
    expect(await post(() => undefined)).toMatchObject({
      outcome: 'retry',
      note: expect.stringMatching(/within 0.3 s/),
    })
    expect(await post((request) => request.socket.destroy())).toMatchObject({ outcome: 'retry' })
    expect(await postTo('http://127.0.0.1:9/secret-path')).toMatchObject({
      outcome: 'retry',
      note: '127.0.0.1:9 cannot be reached (ECONNREFUSED).',
    })
  })

  test.skipIf(!hasOpenssl)('with a certificate that nobody vouches for gets nothing', async () => {
    const asked: unknown[] = []
    const server = createSecureServer(makeCertificate(), (_, answer) => answer.end(String(asked.push(1))))
    const port = await listen(server)

    const came = await postTo(`https://127.0.0.1:${port}/secret-path`)

    expect(came).toMatchObject({
      outcome: 'retry',
      note: expect.stringMatching(/DEPTH_ZERO_SELF_SIGNED_CERT/),
    })
    expect(asked).toEqual([])
  })
})

describe('a mail server', () => {
  const mail = {
    id: 'msg_1',
    from: 'aval@example.org',
    to: ['a@example.org', 'b@example.org'],
    subject: 'Hi',
    text: 'x\n.y\n',
  }
  const start = async (manners: Parameters<typeof startSmtpServer>[0]) => {
    const server = await startSmtpServer(manners)
    closing.push(() => server.close())
    const url = `smtp://127.0.0.1:${server.port}`
    return { server, url, send: () => sendMail({ url, timeoutMs: TIMEOUT_MS }, mail) }
  }

  test('on this machine takes it, with an id that stays', async () => {
    const { server, send } = await start({})

    expect(await send()).toEqual({ outcome: 'sent', note: null })
    expect(server.mails).toEqual([
      { to: mail.to, text: expect.stringMatching(/Message-ID: <msg_1@aval>[\s\S]*\n\nx\n\.y/) },
    ])
  })

  test('that refuses a recipient is done with the others; that refuses all is not asked again', async () => {
    const some = await start({ recipient: (address) => (address.startsWith('b') ? '550 nobody here' : null) })
    const none = await start({ recipient: () => '550 nobody here' })
    const later = await start({ recipient: () => '451 later' })

    expect(await some.send()).toEqual({ outcome: 'sent', note: '127.0.0.1 refused 1 of 2 recipients.' })
    expect(await none.send()).toMatchObject({
      outcome: 'refused',
      note: expect.stringMatching(/550 nobody here/),
    })
    expect(await later.send()).toMatchObject({ outcome: 'retry', note: expect.stringMatching(/451 later/) })
  })

  test('that says nothing is tried again', async () => {
    const { send } = await start({ silent: true })

    expect(await send()).toMatchObject({ outcome: 'retry' })
  })

  test('that is late gets nothing behind the end of the try', async () => {
    const { server, send } = await start({ hesitateMs: 2 * TIMEOUT_MS })

    expect(await send()).toEqual({ outcome: 'retry', note: '127.0.0.1 did not take the mail within 0.3 s.' })
    await new Promise((resolve) => setTimeout(resolve, 2 * TIMEOUT_MS))
    expect(server.commands).toContain('MAIL')
    expect(server.commands).not.toContain('DATA')
    expect(server.mails).toEqual([])
  })

  test('whose password cannot be read is refused, and rejects nothing', async () => {
    const { server } = await start({})

    const came = await sendMail(
      { url: `smtp://a:100%@127.0.0.1:${server.port}`, timeoutMs: TIMEOUT_MS },
      mail,
    )

    expect(came).toMatchObject({
      outcome: 'refused',
      note: expect.stringContaining('percent-encode the password'),
    })
    expect(server.commands).toEqual([])
  })

  test('elsewhere gets nothing in the clear', async () => {
    const { server, url } = await start({})
    // A name that is no loopback address to look at, and leads here.
    const elsewhere = url.replace('127.0.0.1', '0.0.0.0')

    const came = await sendMail({ url: elsewhere, timeoutMs: TIMEOUT_MS }, mail)

    expect(came.outcome).not.toBe('sent')
    expect(server.mails).toEqual([])
    expect(server.commands).not.toContain('MAIL')
  })
})

describe('a channel', () => {
  const content = toMessage({ projectId: 'prj_default', channel: 'c', atMs: 0 }, [
    { event: 'opened', alert: aKnownAlert() },
  ])
  const send = async (channel: ChannelConfig) => {
    const channels = openAlertChannels(() => ({ channels: [channel], rules: [] }), {
      clock: systemClock,
      timeoutMs: TIMEOUT_MS,
    })
    closing.push(() => channels.close())
    return await channels.inForce().send({ id: 'msg_7', channel: 'c', content })
  }
  const receive = async () => {
    const got: { headers: Record<string, unknown>; body: string }[] = []
    const port = await listen(
      createServer(async (request, answer) => {
        let body = ''
        for await (const part of request) body += String(part)
        got.push({ headers: request.headers, body })
        answer.end('ok')
      }),
    )
    return { got, url: new Secret(`http://127.0.0.1:${port}/`, 'aval.yaml') }
  }

  test('of the kind webhook is signed over the bytes that arrive', async () => {
    const { got, url } = await receive()
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

    await send({ name: 'c', kind: 'webhook', url, secret: new Secret(secret, 'env:X') })

    const { headers, body } = got[0]!
    const seconds = Number(headers['webhook-timestamp'])
    expect(headers).toMatchObject({ 'webhook-id': 'msg_7', 'content-type': 'application/json' })
    expect(headers['webhook-signature']).toBe(
      signWebhook(webhookKey(secret)!, { id: 'msg_7', seconds, body }),
    )
    expect(JSON.parse(body)).toEqual(content)
  })

  test('of the kind slack gets text in which no name can call anybody', async () => {
    const { got, url } = await receive()
    content.data.events[0]!.subject.name = '<!channel>'

    await send({ name: 'c', kind: 'slack', url })

    expect(JSON.parse(got[0]!.body)).toEqual({
      text: expect.stringMatching(/^\*Aval: &lt;!channel&gt; cost_per_request changed\*\n/),
    })
  })

  test('that aval.yaml has no more is refused for good', async () => {
    const channels = openAlertChannels(() => ({ channels: [], rules: [] }), { clock: systemClock })

    expect(await channels.inForce().send({ id: 'msg_7', channel: 'c', content })).toMatchObject({
      outcome: 'refused',
    })
    expect(await channels.test('prj_default', 'c')).toBeNull()
    await channels.close()
  })
})
