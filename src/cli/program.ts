/** The `aval` program with every command. Decides no exit code, reads no environment. */

import type { Command } from 'commander'
import { addAlertCommands } from './commands/alerts.ts'
import { addErasureCommands } from './commands/audit/erasures.ts'
import { addEventCommands } from './commands/audit/events.ts'
import { addHoldCommands } from './commands/audit/holds.ts'
import { addProofCommands } from './commands/audit-proof.ts'
import { addBenchCommands } from './commands/bench.ts'
import { addCardCommand } from './commands/card.ts'
import { addChatCommand } from './commands/chat.ts'
import { addCiCommand } from './commands/ci.ts'
import { addDatasetExportCommand } from './commands/datasets/export.ts'
import { addDatasetFromRequestsCommand } from './commands/datasets/from-requests.ts'
import { addDatasetHallucinationCommand } from './commands/datasets/hallucination.ts'
import { addDatasetPerturbCommand } from './commands/datasets/perturb.ts'
import { addDatasetPushCommand } from './commands/datasets/push.ts'
import { addDatasetVersionCommands } from './commands/datasets/versions.ts'
import { addEvalRunCommand } from './commands/evals/run.ts'
import { addEvalRunsCommands } from './commands/evals/runs.ts'
import { addExportCommands } from './commands/exports.ts'
import { addFineTuneCommands } from './commands/finetune/finetune.ts'
import { addKeyCommands } from './commands/key.ts'
import { addLabelCommands } from './commands/label.ts'
import { addModelVersionCommands } from './commands/model.ts'
import { addModelCommands } from './commands/models.ts'
import { addMonitorCommands } from './commands/monitoring/monitor.ts'
import { addOnlineCommands } from './commands/online.ts'
import { addDoctorCommand, addProcessCommands, addReloadCommand } from './commands/operations.ts'
import { addPriceCommands } from './commands/price.ts'
import { addPolicyCommands } from './commands/promotions/policy.ts'
import { addPromoteCommands } from './commands/promotions/promote.ts'
import { addPromotionCommands } from './commands/promotions/promotions.ts'
import { addPromptFileCommands } from './commands/prompts/files.ts'
import { addImportCommands } from './commands/prompts/import.ts'
import { addPromptVersionCommands } from './commands/prompts/versions.ts'
import { addReleaseCommands } from './commands/release.ts'
import { addRequestCommands } from './commands/requests.ts'
import { addIndexBuildCommand } from './commands/retrieval/index-build.ts'
import { addIndexEvalCommand } from './commands/retrieval/index-eval.ts'
import { addIndexQueriesCommand } from './commands/retrieval/index-queries.ts'
import { addIndexSearchCommand } from './commands/retrieval/index-search.ts'
import { addIndexSignalsCommand } from './commands/retrieval/index-signals.ts'
import { addIndexCommands } from './commands/retrieval/indexes.ts'
import { addSourcePushCommand } from './commands/retrieval/source-push.ts'
import { addSourceSyncCommand } from './commands/retrieval/source-sync.ts'
import { addSourceCommands } from './commands/retrieval/sources.ts'
import { addCalibrationCommands } from './commands/reviews/calibrations.ts'
import { addReviewQueueCommands } from './commands/reviews/queues.ts'
import { addRateCommands } from './commands/reviews/rate.ts'
import { addShadowCommands } from './commands/shadow.ts'
import { addSpendCommand } from './commands/spend.ts'
import { addSyncCommand } from './commands/sync.ts'
import { type CliContext, withExamples } from './context.ts'
import { exitCodesHelp } from './exit-codes.ts'
import { type BareProgram, bareProgram, type CliDeps } from './root.ts'

/** The program and, after `parseAsync`, the exit code its command chose. */
export function buildProgram(
  deps: CliDeps,
  typed: readonly string[],
): Pick<BareProgram, 'program' | 'exitCode'> {
  const { program, context, exitCode } = bareProgram(deps, typed)
  addProcessCommands(program, context)
  addChatCommand(program, context)
  addKeyCommands(program, context)
  addRequestCommands(program, context)
  const audit = program.command('audit').description('check, prove and keep the log (auditor or admin)')
  addProofCommands(audit, context)
  addEventCommands(audit, context)
  addErasureCommands(audit, context)
  addHoldCommands(audit, context)
  addExportCommands(audit, context)
  const prompt = program.command('prompt').description('prompt files, and the versions made of them')
  addPromptFileCommands(prompt, context)
  addPromptVersionCommands(prompt, context)
  addImportCommands(program, context)
  addModelVersionCommands(program, context)
  addPriceCommands(program, context)
  addModelCommands(program, context)
  addRetrievalCommands(program, context)
  addDatasetCommands(program, context)
  addBenchCommands(program, context)
  addReleaseCommands(program, context)
  addPromoteCommands(program, context)
  addPromotionCommands(program, context)
  addPolicyCommands(program, context)
  addLabelCommands(program, context)
  addShadowCommands(program, context)
  addSpendCommand(program, context)
  addAlertCommands(program, context)
  addSyncCommand(program, context)
  addCiCommand(program, context)
  addCardCommand(program, context)
  addMonitorCommands(program, context)
  addDoctorCommand(program, context)
  addReloadCommand(program, context)
  withExamples(
    program,
    'aval serve',
    'aval chat "Say hello"',
    'aval requests list --since 15m',
    'aval requests replay --since 1d --against openai/gpt-4o-mini --dry-run',
  )
  program.addHelpText(
    'after',
    '\nThe server is AVAL_URL (default http://127.0.0.1:8700), the key AVAL_KEY or what `aval serve` left in its data folder.',
  )
  program.addHelpText('after', exitCodesHelp())
  return { program, exitCode }
}

function addRetrievalCommands(program: Command, context: CliContext): void {
  const source = program
    .command('source')
    .description('documents to search: where they come from, and reading them')
  addSourceCommands(source, context)
  addSourceSyncCommand(source, context)
  addSourcePushCommand(source, context)
  const index = program.command('index').description('versions of indexes over sources')
  addIndexBuildCommand(index, context)
  addIndexSearchCommand(index, context)
  addIndexEvalCommand(index, context)
  addIndexQueriesCommand(index, context)
  addIndexSignalsCommand(index, context)
  addIndexCommands(index, context)
}

function addDatasetCommands(program: Command, context: CliContext): void {
  const dataset = program.command('dataset').description('versions of examples to evaluate with')
  addDatasetPushCommand(dataset, context)
  addDatasetVersionCommands(dataset, context)
  addDatasetExportCommand(dataset, context)
  addDatasetFromRequestsCommand(dataset, context)
  addDatasetPerturbCommand(dataset, context)
  addDatasetHallucinationCommand(dataset, context)
  addFineTuneCommands(program, context)
  const evals = program.command('eval').description('suites: run, follow and compare them')
  addEvalRunCommand(evals, context)
  addEvalRunsCommands(evals, context)
  const review = program
    .command('review')
    .description('people rate what a judge judged, and may let it decide')
  addReviewQueueCommands(review, context)
  addRateCommands(review, context)
  addCalibrationCommands(review, context)
  addOnlineCommands(program, context)
}
