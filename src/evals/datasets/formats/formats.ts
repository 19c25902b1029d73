/** The formats that a file of examples may have, each a mapping of one row to one item, and how one is told from another. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { itemShape } from '../item.ts'
import {
  answerOf,
  askOf,
  type Format,
  idOf,
  isMessages,
  metadataOf,
  optional,
  textsOf,
  without,
} from './draft.ts'
import { labelledPrompts } from './labelled-prompts.ts'
import { own } from './own.ts'
import { promptfoo } from './promptfoo.ts'

/** Samples of github.com/openai/evals (docs/build-eval.md): `{"input": messages or text, "ideal": text or texts}`. */
const openaiEvals: Format = {
  fits: (row) => row.ideal !== undefined || isMessages(row.input),
  toItem: (row) => ({
    draft: {
      ...idOf(row.id),
      ...askOf(row.input),
      ...optional('expected', row.ideal),
      ...metadataOf(without(row, ['id', 'input', 'ideal', 'metadata']), row.metadata),
    },
  }),
}

/**
 * Lines of the OpenAI Evals API and of Azure (platform.openai.com/docs/api-reference/evals): `{"item": …, "sample": …}`,
 * where `{{item.question}}` of a template is the variable `question`.
 */
const openai: Format = {
  fits: (row) => isJsonObject(row.item),
  toItem: (row) => {
    const { item, sample } = row
    if (!isJsonObject(item)) return { problem: 'item: not an object.' }
    const answered = isJsonObject(sample) ? sample : {}
    return {
      draft: {
        ...idOf(item.id),
        ...askOf(without(item, [...EXPECTED, 'id'])),
        ...optional(
          'expected',
          EXPECTED.map((name) => item[name]).find((value) => value !== undefined),
        ),
        ...answerOf(answered.output_text),
        ...metadataOf(without(row, ['item', 'sample']), without(answered, ['output_text'])),
      },
    }
  },
}
/** What examples call the right answer; one item says one of them. */
const EXPECTED = ['expected', 'ideal', 'ground_truth', 'reference', 'reference_answer', 'correct_answer']

/** Items of a dataset of Langfuse (api.reference.langfuse.com, dataset items). */
const langfuse: Format = {
  fits: (row) => ['expectedOutput', 'datasetId', 'datasetName', 'sourceTraceId'].some((name) => name in row),
  toItem: (row) => {
    if (row.status === 'ARCHIVED') return { left: 'is archived in Langfuse' }
    const known = [
      'id',
      'input',
      'expectedOutput',
      'metadata',
      'status',
      'projectId',
      'createdAt',
      'updatedAt',
    ]
    return {
      draft: {
        ...idOf(row.id),
        ...askOf(row.input),
        ...optional('expected', row.expectedOutput),
        ...metadataOf(without(row, known), row.metadata),
      },
    }
  },
}

/** Rows for `mlflow.genai.evaluate` (mlflow.org/docs/latest/genai/eval-monitor): `outputs` is what was answered. */
const mlflow: Format = {
  fits: (row) => row.inputs !== undefined && (row.expectations !== undefined || row.outputs === undefined),
  toItem: (row) => ({
    draft: {
      ...idOf(row.id ?? row.dataset_record_id),
      ...askOf(row.inputs),
      ...optional('expected', responseOf(row.expectations)),
      ...answerOf(row.outputs),
      ...metadataOf(without(row, ['id', 'dataset_record_id', 'inputs', 'expectations', 'outputs'])),
    },
  }),
}

/** An expected response alone is what is expected; with facts or guidelines beside it all of them are. */
function responseOf(expectations: JsonValue | undefined): JsonValue | undefined {
  if (!isJsonObject(expectations)) return expectations
  const { expected_response: response, ...others } = expectations
  return response !== undefined && Object.keys(others).length === 0 ? response : expectations
}

/** Examples of LangSmith (docs.langchain.com/langsmith): `outputs` is the reference, not an answer. */
const langsmith: Format = {
  fits: (row) =>
    row.inputs !== undefined &&
    ['split', 'metadata', 'dataset_id', 'source_run_id'].some((name) => name in row),
  toItem: (row) => {
    const split = Array.isArray(row.split) ? row.split[0] : row.split
    return {
      draft: {
        ...idOf(row.id),
        ...askOf(row.inputs),
        ...optional('expected', row.outputs),
        ...optional('split', split),
        ...metadataOf(without(row, ['id', 'inputs', 'outputs', 'split', 'metadata']), row.metadata),
      },
      notes:
        Array.isArray(row.split) && row.split.length > 1
          ? ['is in several splits, of which the first counts']
          : [],
    }
  },
}

/** Goldens and test cases of DeepEval (deepeval.com/docs/evaluation-datasets). */
const deepeval: Format = {
  fits: (row) =>
    ['expected_output', 'actual_output', 'retrieval_context', 'additional_metadata'].some(
      (name) => name in row,
    ),
  toItem: (row) => {
    const shown = textsOf(row.retrieval_context)
    const known = [
      'id',
      'input',
      'expected_output',
      'actual_output',
      'retrieval_context',
      'additional_metadata',
    ]
    const ideal = shown === undefined ? { contexts: textsOf(row.context) } : {}
    return {
      draft: {
        ...idOf(row.id),
        ...askOf(row.input),
        ...optional('expected', row.expected_output),
        ...answerOf(row.actual_output),
        ...optional('contexts', shown ?? ideal.contexts),
        ...metadataOf(
          without(row, shown === undefined ? [...known, 'context'] : known),
          row.additional_metadata,
        ),
      },
    }
  },
}

/** Samples of Ragas (docs.ragas.io, evaluation dataset). */
const ragas: Format = {
  fits: (row) => row.user_input !== undefined,
  toItem: (row) => {
    const known = ['id', 'user_input', 'response', 'retrieved_contexts', 'reference']
    return {
      draft: {
        ...idOf(row.id),
        ...askOf(Array.isArray(row.user_input) ? row.user_input.map(turnOf) : row.user_input),
        ...optional('expected', row.reference),
        ...answerOf(row.response),
        ...optional('contexts', textsOf(row.retrieved_contexts)),
        ...metadataOf(without(row, known)),
      },
    }
  },
}
const ROLES: Readonly<Record<string, string>> = { human: 'user', ai: 'assistant' }

/** Turns of a conversation are of a type there, not of a role. */
function turnOf(turn: JsonValue): JsonValue {
  if (!isJsonObject(turn) || typeof turn.type !== 'string') return turn
  const { type, ...others } = turn
  return { role: ROLES[type] ?? type, ...others }
}

/** The first that fits is taken. Aval's own is last: rows of other products have members of it too. */
const FORMATS = {
  promptfoo,
  openai,
  'openai-evals': openaiEvals,
  langfuse,
  ragas,
  deepeval,
  langsmith,
  mlflow,
  'labelled-prompts': labelledPrompts,
  aval: own,
} as const satisfies Record<string, Format>

export type FormatName = keyof typeof FORMATS
export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[]

export function formatOf(name: FormatName): Format {
  return FORMATS[name]
}

/** The format of a file whose first rows these are, or a sentence about why none is plain. */
export function tellFormat(rows: readonly JsonObject[]): { format: FormatName } | { why: string } {
  const found = FORMAT_NAMES.find((name) => rows.some((row) => FORMATS[name].fits(row)))
  if (found !== undefined && found !== 'aval') return { format: found }
  const names = new Set(rows.flatMap((row) => Object.keys(row)))
  if (names.has('inputs') && names.has('outputs')) {
    return {
      why: 'outputs are what was answered in MLflow, and what is expected in LangSmith. Say which: --format mlflow or --format langsmith.',
    }
  }
  if (found !== undefined || names.size === 0) return { format: 'aval' }
  const shown = [...names].slice(0, 8).join(', ').slice(0, 200)
  const members = Object.keys(itemShape.shape).join(', ')
  return {
    why: `${shown}: members of no known format. Write an item's (${members}), or name a format: --format promptfoo takes every column of a table as a variable. Known: ${FORMAT_NAMES.join(', ')}.`,
  }
}
