/** `aval promotion list|show|withdraw`, `aval approve` and `aval reject`: what is under way, and whose answer it waits for. */

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import {
  type CliContext,
  demandConsent,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
  writeNextPage,
} from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import {
  exitCodeOf,
  outcomeText,
  type Promotion,
  promotionTable,
  promotionText,
  type ShownPromotion,
} from '../../promotions.ts'

type Answer = { reason?: string; keyFile?: string; yes?: boolean; json?: boolean }

export function addPromotionCommands(program: Command, context: CliContext): void {
  const promotion = program.command('promotion').description('labels on their way to another release')
  withExamples(
    withPaging(
      promotion
        .command('list')
        .description('promotions, newest first')
        .option('--route <route>', 'of this route only')
        .option('--live', 'only those that are under way'),
    ),
    'aval promotion list --live',
  ).action(context.run((options: ListOptions & { route?: string; live?: boolean }) => list(context, options)))
  withExamples(
    withJson(
      promotion
        .command('show')
        .argument('<promotion>', 'prm_…')
        .description('one with its evidence, figures and approvals'),
    ),
    'aval promotion show prm_…',
  ).action(context.run((id: string, options: { json?: boolean }) => show(context, id, options)))
  withExamples(
    withJson(
      promotion
        .command('withdraw')
        .argument('<promotion>', 'prm_…')
        .description('end one that has not moved anybody (who asked for it, or an admin)')
        .requiredOption('--reason <text>', 'why'),
    ),
    'aval promotion withdraw prm_… --reason "asked for the wrong release"',
  ).action(
    context.run((id: string, options: { reason: string; json?: boolean }) => withdraw(context, id, options)),
  )
  for (const verb of ['approve', 'reject'] as const) {
    withExamples(
      withJson(
        program
          .command(verb)
          .argument('<promotion>', 'prm_…')
          .description(`${verb} a promotion, having seen its evidence; takes your key once more`)
          .requiredOption('--reason <text>', 'why; it stands beside your name')
          .option('--key-file <path>', 'where your key is, for a terminal that cannot ask for it')
          .option('--yes', 'do not ask'),
      ),
      `aval ${verb} prm_… --reason "${verb === 'approve' ? 'read the report, fewer refusals' : 'worse in German'}"`,
    ).action(context.run((id: string, options: Answer) => answer(context, verb, id, options)))
  }
}

async function list(
  context: CliContext,
  options: ListOptions & { route?: string; live?: boolean },
): Promise<undefined> {
  const { route, live, limit, cursor } = options
  const page = await context.client.json<{ data: Promotion[]; next_cursor: string | null }>({
    method: 'GET',
    path: '/api/promotions',
    query: { route, limit, cursor, ...(live && { live: 'true' }) },
  })
  if (options.json) writeJson(context, page)
  else if (page.data.length === 0) {
    context.terminal.write('No promotions. Ask for one: aval promote <route> r2 --to production\n')
  } else {
    context.terminal.write(promotionTable(context, page.data))
    writeNextPage(context, page.next_cursor)
  }
  return undefined
}

async function show(context: CliContext, id: string, options: { json?: boolean }): Promise<undefined> {
  const promotion = await read(context, id)
  if (options.json) writeJson(context, promotion)
  else context.terminal.write(promotionText(context, promotion))
  return undefined
}

async function withdraw(
  context: CliContext,
  id: string,
  { reason, json }: { reason: string; json?: boolean },
): Promise<undefined> {
  const path = `/api/promotions/${encodeURIComponent(id)}/withdraw`
  const promotion = await context.client.json<Promotion>({ method: 'POST', path, body: { reason } })
  if (json) writeJson(context, promotion)
  else context.terminal.write(`${outcomeText(promotion)}\n`)
  return undefined
}

/** What is shown here is what is signed. */
async function answer(
  context: CliContext,
  verb: 'approve' | 'reject',
  id: string,
  options: Answer,
): Promise<number> {
  const seen = await read(context, id)
  if (!options.json) context.terminal.write(promotionText(context, seen))
  if (seen.evidence_hash === null) {
    throw new CliError(EXIT.usage, `${id} is ${seen.state}, and waits for nobody's answer. ${seen.note}`)
  }
  const what = verb === 'approve' ? 'Approve' : 'Reject'
  await demandConsent(context, options.yes, `${what} that ${seen.route}@${seen.label} serves ${seen.to}?`)
  const promotion = await context.client.json<Promotion>({
    method: 'POST',
    path: `/api/promotions/${encodeURIComponent(id)}/${verb}`,
    headers: { 'x-aval-confirm-key': await keyOnceMore(context, options.keyFile) },
    body: { evidence_hash: seen.evidence_hash, reason: options.reason },
  })
  if (options.json) writeJson(context, promotion)
  else context.terminal.write(`${outcomeText(promotion)}\n`)
  return verb === 'reject' ? EXIT.done : exitCodeOf(promotion)
}

async function keyOnceMore({ terminal }: CliContext, path: string | undefined): Promise<string> {
  if (path !== undefined) {
    try {
      return readFileSync(path, 'utf8').trim()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw new CliError(EXIT.usage, `${path} cannot be read (${code ?? 'error'}).`)
    }
  }
  if (!terminal.interactive) {
    throw new CliError(EXIT.usage, 'Nobody is here to type the key once more: name its file with --key-file.')
  }
  return (await terminal.ask('Your key, once more:', { hidden: true }))?.trim() ?? ''
}

async function read(context: CliContext, id: string): Promise<ShownPromotion> {
  const path = `/api/promotions/${encodeURIComponent(id)}`
  return await context.client.json<ShownPromotion>({ method: 'GET', path })
}
