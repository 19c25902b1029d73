/** Alerts on their way out: which rules and channels are in force, and a message as each kind of channel wants it. */

import type { AlertsConfig, ChannelConfig } from './config/alerts.ts'
import type { Clock } from './lib/clock.ts'
import { newId } from './lib/ids.ts'
import { signWebhook, webhookKey } from './lib/webhook-signature.ts'
import type { SendMessage } from './monitoring/alerts/deliver.ts'
import { testMessage } from './monitoring/alerts/message.ts'
import { linesOf, titleOf } from './monitoring/alerts/message-text.ts'
import type { Notified } from './providers/notify/outcome.ts'
import { createPoster, type Poster } from './providers/notify/post.ts'

type Outgoing = Parameters<SendMessage>[0]
export type AlertChannels = {
  /** Rules and channels as they are now, for as long as somebody goes on with what they got: asking reads aval.yaml. */
  inForce(): { rules: AlertsConfig['rules']; send: SendMessage }
  /** Sends what says that messages arrive. Rejects never; null for a channel that there is not. */
  test(projectId: string, channel: string): Promise<Notified | null>
  close(): Promise<void>
}

/** Opens no connection before the first message. `alerts`: as aval.yaml has them now. */
export function openAlertChannels(
  alerts: () => AlertsConfig,
  { clock, timeoutMs }: { clock: Clock; timeoutMs?: number },
): AlertChannels {
  const limit = timeoutMs === undefined ? {} : { timeoutMs }
  const poster = createPoster(limit)
  const find = ({ channels }: AlertsConfig, name: string) =>
    channels.find((channel) => channel.name === name) ?? null
  const sendTo = async (channel: ChannelConfig, message: Outgoing): Promise<Notified> => {
    if (channel.kind === 'webhook') return await postSigned(poster, channel, message, clock.nowMs())
    if (channel.kind === 'slack')
      return await poster.post({ url: channel.url.reveal(), headers: {}, body: slackBody(message) })
    const { content, id } = message
    const mail = { id, from: channel.from, to: channel.to, subject: titleOf(content), text: textOf(content) }
    // Loaded with the first mail.
    const { sendMail } = await import('./providers/notify/email.ts')
    return await sendMail({ url: channel.smtp.reveal(), ...limit }, mail)
  }
  return {
    inForce: () => {
      const now = alerts()
      const send: SendMessage = async (message) => {
        const channel = find(now, message.channel)
        if (channel !== null) return await sendTo(channel, message)
        return { outcome: 'refused', note: `aval.yaml has no channel "${message.channel}" any more.` }
      }
      return { rules: now.rules, send }
    },
    test: async (projectId, name) => {
      const channel = find(alerts(), name)
      const nowMs = clock.nowMs()
      const content = testMessage(projectId, name, nowMs)
      return channel === null
        ? null
        : await sendTo(channel, { id: newId('msg', nowMs), channel: name, content })
    },
    close: () => poster.close(),
  }
}

async function postSigned(
  poster: Poster,
  { name, url, secret }: Extract<ChannelConfig, { kind: 'webhook' }>,
  { id, content }: Outgoing,
  nowMs: number,
): Promise<Notified> {
  const key = webhookKey(secret.reveal())
  if (key === null) return { outcome: 'refused', note: `The secret of the channel "${name}" is none.` }
  const body = JSON.stringify(content)
  const seconds = Math.floor(nowMs / 1000)
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signWebhook(key, { id, seconds, body }),
  }
  return await poster.post({ url: url.reveal(), headers, body })
}

/** Slack's incoming webhooks take `text`; these three letters have a meaning in it (docs.slack.dev/messaging/formatting-message-text). */
function slackBody({ content }: Outgoing): string {
  const text = `*${titleOf(content)}*\n${textOf(content)}`
  return JSON.stringify({
    text: text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  })
}

function textOf(content: Outgoing['content']): string {
  return `${linesOf(content).join('\n')}\n`
}
