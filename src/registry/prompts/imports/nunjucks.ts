/** The part of Nunjucks that says the same in Mustache: names and comments. */

const TOKEN = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|\{#[\s\S]*?#\}/g
const NAME = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/
const MAX_SHOWN = 60

/** The text as a template of ours, or why it has none. */
export function fromNunjucks(text: string): { text: string } | { why: string } {
  let why: string | null = null
  const made = text.replace(TOKEN, (token) => {
    if (token.startsWith('{#')) return ''
    const name = token.slice(2, -2).trim()
    if (token.startsWith('{{') && NAME.test(name) && !name.startsWith('env.')) return `{{${name}}}`
    why ??= `${shorten(token)}: ${describe(token, name)}`
    return token
  })
  return why === null ? { text: made } : { why }
}

function describe(token: string, inside: string): string {
  if (token.startsWith('{%')) return 'prompts have no statements. For a list write a section by hand.'
  if (inside.startsWith('env.')) return 'prompts read no environment. Make it a variable.'
  if (inside.includes('|'))
    return 'prompts have no filters. Have the app send the value as it shall stand there.'
  return 'prompts have names and nothing to reckon with. Have the app send the value.'
}

function shorten(token: string): string {
  const line = token.replace(/\s+/g, ' ')
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line
}
