/** `aval card support-answer@r12`: the model card of a release, on the terminal, as a page or as data. */

import type { Command } from 'commander'
import { printable } from '../../lib/printable.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../context.ts'
import { namedRelease } from './release.ts'

type CardOptions = { html?: string; promotion?: string; json?: boolean }

/** A live card of large runs counts their results. */
const CARD_TIMEOUT_MS = 120_000

export function addCardCommand(program: Command, context: CliContext): void {
  withExamples(
    withJson(
      program
        .command('card')
        .argument('<release>', 'support-answer@r12')
        .description(
          'the model card of a release as it was promoted, with what became of it since; before that, as it would be now',
        )
        .option('--promotion <id>', 'the card that this promotion has kept: prm_…')
        .option('--html <file>', 'write it as a page that opens offline'),
    ),
    'aval card support-answer@r12',
    'aval card support-answer@r12 > card.md',
    'aval card support-answer@r12 --html card.html',
    'aval card support-answer@r12 --json | jq -j .content | sha256sum',
  ).action(context.run((text: string, options: CardOptions) => showCard(context, text, options)))
}

async function showCard(
  context: CliContext,
  text: string,
  { html, promotion, json }: CardOptions,
): Promise<undefined> {
  const { route, release } = namedRelease(text)
  const path = `/api/cards/${encodeURIComponent(route)}/${encodeURIComponent(release)}`
  const read = async (format: 'json' | 'markdown' | 'html') => {
    const query = { format, promotion }
    const answer = await context.client.open(
      { method: 'GET', path, query },
      AbortSignal.timeout(CARD_TIMEOUT_MS),
    )
    return await answer.text()
  }
  if (html !== undefined) await context.actions.evals.write(html, await read('html'))
  if (json) writeJson(context, JSON.parse(await read('json')))
  else if (html === undefined) context.terminal.write(printable(await read('markdown')))
  else context.terminal.write(`card: ${html}\n`)
  return undefined
}
