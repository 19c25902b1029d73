/** What a person sees when the server is up: where it is, what it found, the keys once, and one line to try. */

import pc from 'picocolors'

export type StartScreen = {
  version: string
  url: string
  database: string
  queue: string
  upstreams: readonly { name: string; from: string }[]
  /** Whole keys, only those that were generated just now. */
  freshKeys: { admin: string | null; app: string | null }
  /** A key that may stand in the line to try: the fresh one, or a name of where the caller's own is. */
  tryKey: string
  tryModel: string
}

/** The whole text, ending with a line break. */
export function renderStartScreen(screen: StartScreen, color: boolean): string {
  const colors = pc.createColors(color)
  const row = (label: string, value: string) => `  ${colors.dim(label.padEnd(11))} ${value}`
  const lines = [
    '',
    `  ${colors.bold(`Aval ${screen.version}`)}${' '.repeat(6)}${colors.cyan(`${screen.url}/v1`)}`,
    row('database', screen.database),
    row('queue', screen.queue),
    ...screen.upstreams.map(({ name, from }, index) =>
      row(index === 0 ? 'upstreams' : '', `${name.padEnd(10)} ${from}`),
    ),
  ]
  const { admin, app } = screen.freshKeys
  if (admin !== null) lines.push(row('keys', `admin  ${colors.yellow(admin)}  shown once`))
  if (app !== null)
    lines.push(
      row(
        admin === null ? 'keys' : '',
        `app    ${colors.yellow(app)}  shown once; npx aval key create makes more`,
      ),
    )
  lines.push(row('try', tryLine(screen)), row('then', 'npx aval requests list'), '')
  return `${lines.join('\n')}\n`
}

/** One line that a shell takes as printed. */
function tryLine({ url, tryKey, tryModel }: StartScreen): string {
  const content =
    tryModel === 'local/reader'
      ? '[1] Aval puts every request on a log.\n[2] Shoes may be returned within 30 days of purchase.'
      : null
  const messages = [
    ...(content === null ? [] : [{ role: 'system', content }]),
    { role: 'user', content: content === null ? 'Say hello' : 'How long do I have to return shoes?' },
  ]
  const body = JSON.stringify({ model: tryModel, messages })
  // A shell looks into double quotes alone, where the key is the name of a variable.
  const quote = tryKey.startsWith('$') ? '"' : "'"
  return `curl -s ${url}/v1/chat/completions -H ${quote}authorization: Bearer ${tryKey}${quote} -H 'content-type: application/json' -d '${body}'`
}
