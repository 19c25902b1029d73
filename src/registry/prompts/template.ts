/**
 * One text with Mustache tags, parsed once and rendered many times. Of Mustache there are names, sections, inverted
 * sections and comments; no partials, no lambdas, no other delimiters, and nothing is escaped for HTML. Values are
 * data: what a value holds is never read as a template.
 */

import Mustache from 'mustache'
import { isJsonObject } from '../../lib/json.ts'

/** A tag; sections hold what stands between their two tags. `at` counts letters from the start of the template. */
export type Tag = { kind: 'name' | 'section' | 'inverted'; name: string; at: number; inside: Tag[] }
export type Template = {
  tags: readonly Tag[]
  /** Throws OverBudgetError. */
  render(values: object, budget: RenderBudget): string
}
export type TemplateProblem = { at: number; message: string }
/** What may still be rendered; shared by all templates of a prompt. */
export type RenderBudget = { characters: number; steps: number }

/** A prompt would grow beyond what was allowed. */
export class OverBudgetError extends Error {
  override name = 'OverBudgetError'
}

/** As the parser leaves them: kind, value, start, end, inner tokens. */
type Token = [string, string, number, number, Token[]?]

/** A longer one is a tag that was never closed; the parser takes n² steps to find that out. */
const MAX_TAG_LETTERS = 200
/** Rendering calls itself for every level. */
const MAX_NESTING = 16

/** The template, or the first thing wrong with it. */
export function parseTemplate(text: string): Template | { problem: TemplateProblem } {
  const problem = findForbidden(text)
  if (problem !== null) return { problem }
  let tokens: Token[]
  try {
    const parser = new Mustache.Writer()
    tokens = parser.parse(text) as Token[]
  } catch (error) {
    // Converted into what the author of the template can do about it.
    return { problem: describeParseError(error) }
  }
  return {
    tags: tagsOf(tokens),
    render: (values, budget) => new BoundedWriter(budget).renderAll(tokens, values),
  }
}

/** The line of a place in a text, from 1. */
export function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length
}

const FORBIDDEN: Readonly<Record<string, string>> = {
  '>': 'includes another template, which prompts do not do. Write its text here.',
  '=': 'changes the delimiters, which prompts do not do. Keep {{ and }}.',
  '&': 'is for HTML. Write {{name}}: nothing is escaped.',
  '{': 'is for HTML. Write {{name}}: nothing is escaped. Put a space after a brace that belongs to the text.',
}

/** Looks at every tag before the parser does, in one pass. */
function findForbidden(text: string): TemplateProblem | null {
  let depth = 0
  for (let at = text.indexOf('{{'); at >= 0; ) {
    const end = text.indexOf('}}', at + 2)
    if (end < 0 || end - at > MAX_TAG_LETTERS)
      return { at, message: `the tag {{ is not closed within ${MAX_TAG_LETTERS} letters. End it with }}.` }
    const inside = text.slice(at + 2, end).trim()
    const sign = inside.charAt(0)
    const why = FORBIDDEN[sign]
    if (why !== undefined) return { at, message: `the tag {{${inside}}} ${why}` }
    const name = inside.replace(/^[#^/]\s*/, '')
    if (sign !== '!' && !NAME.test(name)) {
      return {
        at,
        message: `the tag {{${inside}}} has no name. Write letters, digits, _ and -, as in {{question}}.`,
      }
    }
    depth += sign === '#' || sign === '^' ? 1 : sign === '/' ? -1 : 0
    if (depth > MAX_NESTING)
      return { at, message: `sections are nested more than ${MAX_NESTING} deep. Write them flatter.` }
    at = text.indexOf('{{', end + 2)
  }
  return null
}

/** `.`, or a path of names. */
const NAME = /^(?:\.|[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)$/

function describeParseError(error: unknown): TemplateProblem {
  const [, what = 'not a template', at = '0'] =
    /^(.*) at (\d+)$/s.exec(String((error as Error).message)) ?? []
  return {
    at: Number(at),
    message: `${what.toLowerCase()}. Every {{#name}} and {{^name}} ends with its {{/name}}.`,
  }
}

const KINDS: Readonly<Record<string, Tag['kind']>> = { name: 'name', '#': 'section', '^': 'inverted' }

function tagsOf(tokens: readonly Token[]): Tag[] {
  return tokens.flatMap(([sign, name, at, , inside]) => {
    const kind = KINDS[sign]
    return kind === undefined ? [] : [{ kind, name, at, inside: tagsOf(inside ?? []) }]
  })
}

/** Finds own members of plain objects, and nothing else: no prototype, no `length` of a text, no function. */
class Scope extends Mustache.Context {
  override push(view: unknown): Scope {
    return new Scope(view, this)
  }

  override lookup(name: string): unknown {
    if (name === '.') return this.view
    const [first = '', ...rest] = name.split('.')
    let scope: Mustache.Context | undefined = this
    while (scope !== undefined && !hasMember(scope.view, first)) scope = scope.parent
    let value: unknown = scope === undefined ? undefined : (scope.view as Record<string, unknown>)[first]
    for (const step of rest) value = hasMember(value, step) ? value[step] : undefined
    return typeof value === 'function' ? undefined : value
  }
}

function hasMember(value: unknown, name: string): value is Record<string, unknown> {
  return isJsonObject(value) && Object.hasOwn(value, name)
}

class BoundedWriter extends Mustache.Writer {
  readonly #budget: RenderBudget

  constructor(budget: RenderBudget) {
    super()
    this.#budget = budget
  }

  renderAll(tokens: Token[], values: object): string {
    return this.renderTokens(tokens as unknown as string[][], new Scope(values), undefined, undefined, {
      escape: valueText,
    })
  }

  override renderTokens(
    ...input: Parameters<Mustache.Writer['renderTokens']>
  ): ReturnType<Mustache.Writer['renderTokens']> {
    // Nested lists multiply, also where they print nothing.
    this.#budget.steps -= 1 + input[0].length
    if (this.#budget.steps < 0) throw new OverBudgetError()
    return super.renderTokens(...input)
  }

  override escapedValue(...input: Parameters<Mustache.Writer['escapedValue']>): string {
    return this.#spend(super.escapedValue(...input) ?? '')
  }

  override rawValue(token: string[]): string {
    return this.#spend(super.rawValue(token))
  }

  #spend(text: string): string {
    this.#budget.characters -= text.length
    if (this.#budget.characters < 0) throw new OverBudgetError()
    return text
  }
}

/** Texts as they are, everything else as JSON. */
function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
