/** Sends a mail over SMTP: encrypted, but to this machine itself. */

import { createTransport } from 'nodemailer'
import { percentDecoded } from '../../lib/percent.ts'
import { printableLine } from '../../lib/printable.ts'
import { literalHost } from '../public-address.ts'
import { NOTIFY_TIMEOUT_MS, type Notified } from './outcome.ts'

export type Mail = { id: string; from: string; to: readonly string[]; subject: string; text: string }
/** An `smtp://` or `smtps://` address with what to sign in with. */
export type SmtpSettings = { url: string; timeoutMs?: number }

const MAX_NOTE_LETTERS = 200

/**
 * Never rejects. `smtps://` is encrypted from the first byte, `smtp://` by STARTTLS, without which nothing is sent; only a server
 * on this machine is spoken to in the clear. A try that is late ends with its connection, so that the mail does not go out behind it.
 */
export async function sendMail(
  { url, timeoutMs = NOTIFY_TIMEOUT_MS }: SmtpSettings,
  mail: Mail,
): Promise<Notified> {
  const settings = toSettings(url, timeoutMs)
  if (settings === null) {
    const note = 'What the server is signed in with holds a bare %: percent-encode the password (% is %25).'
    return { outcome: 'refused', note }
  }
  const { host } = settings
  const signal = AbortSignal.timeout(timeoutMs)
  const transport = createTransport(settings)
  try {
    const sent = await transport.sendMail({
      messageId: `<${mail.id}@aval>`,
      from: mail.from,
      to: [...mail.to],
      subject: mail.subject,
      text: mail.text,
      disableFileAccess: true,
      disableUrlAccess: true,
      signal,
    })
    const refused = sent.rejected.length
    return {
      outcome: 'sent',
      note: refused === 0 ? null : `${host} refused ${refused} of ${mail.to.length} recipients.`,
    }
  } catch (error) {
    if (signal.aborted)
      return { outcome: 'retry', note: `${host} did not take the mail within ${timeoutMs / 1000} s.` }
    return failureOf(host, error)
  } finally {
    transport.close()
  }
}

/** Null for what cannot be signed in with. */
function toSettings(text: string, timeoutMs: number) {
  const url = new URL(text)
  const isSecure = url.protocol === 'smtps:'
  const isHere = isLoopback(url)
  const [user, pass] = [percentDecoded(url.username), percentDecoded(url.password)]
  if (user === null || pass === null) return null
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (isSecure ? 465 : 587) : Number(url.port),
    secure: isSecure,
    requireTLS: !isSecure && !isHere,
    ignoreTLS: !isSecure && isHere,
    ...(user !== '' && { auth: { user, pass } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    // At once: what is left to be written would go out behind a try that has ended.
    socketCloseTimeout: 0,
  }
}

function isLoopback(url: URL): boolean {
  const host = literalHost(url)
  return host !== null && (/^127\./.test(host) || host === '::1' || /(^|\.)localhost$/.test(host))
}

/** Replies of 500 and more are for good (RFC 5321 §4.2.1), those of 400 and more for now. */
function failureOf(host: string, error: unknown): Notified {
  const { responseCode, response, code, message } = error as Record<
    'response' | 'code' | 'message',
    string | undefined
  > & { responseCode?: number }
  if (responseCode === undefined) {
    return {
      outcome: 'retry',
      note: `${host} cannot be reached (${said(`${code ?? 'error'}: ${message ?? ''}`)}).`,
    }
  }
  const isFinal = responseCode >= 500
  return {
    outcome: isFinal ? 'refused' : 'retry',
    note: `${host} answered ${said(response ?? String(responseCode))}`,
  }
}

function said(text: string): string {
  return printableLine(text).slice(0, MAX_NOTE_LETTERS)
}
