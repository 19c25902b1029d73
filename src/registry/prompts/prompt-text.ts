/** A prompt as people read it: the messages as they are written, everything else as YAML. For eyes and for diffs. */

import { stringify } from 'yaml'
import { MESSAGES_SLOT, type PromptContent, type PromptMessage } from './prompt-content.ts'

export function promptText(content: PromptContent): string {
  const { messages, description, owner, variables, tools, responseFormat, parameters } = content
  const settings = Object.entries({
    description,
    owner,
    variables,
    tools,
    response_format: responseFormat,
    parameters,
  })
  const written = Object.fromEntries(settings.filter(([, value]) => value !== undefined))
  const head = Object.keys(written).length === 0 ? '' : `${stringify(written, { lineWidth: 0 })}\n`
  return head + messages.map(messageText).join('\n')
}

function messageText(message: PromptMessage | typeof MESSAGES_SLOT): string {
  if (message === MESSAGES_SLOT) return `--- ${MESSAGES_SLOT}\n`
  const { role, content } = message
  const texts =
    typeof content === 'string'
      ? [content]
      : content.map((part) => (part.type === 'text' ? part.text : `[image ${part.image_url.url}]`))
  return `--- ${role}\n${texts.map((text) => text.trimEnd()).join('\n')}\n`
}
