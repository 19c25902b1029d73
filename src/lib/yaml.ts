/** YAML text -> one plain JSON value, or sentences about why not. Never throws, never runs a tag, never expands a bomb. */

import { Lexer, LineCounter, Parser, parseDocument } from 'yaml'

/** Nobody writes more by hand; each alias of an alias multiplies what it stands for. */
const MAX_ALIASES = 100
/** Open collections, two for a level. The composer calls itself for each, and V8 may end the process, not throw. */
const MAX_OPEN = 100
/** Every key of a mapping is compared with every other. */
const MAX_KEYS = 10_000
const MAX_PROBLEMS = 20

/** `where` begins every sentence: the file's path. An empty text is an empty object. */
export function parseYaml(text: string, where: string): { value: unknown } | { problems: readonly string[] } {
  try {
    return parse(text, where)
  } catch (error) {
    // What toJS throws: an alias without its anchor, and more aliases than allowed.
    const why = error instanceof Error ? error.message : 'its aliases'
    return { problems: [`${where}: not valid YAML: ${why}. Write the value out instead.`] }
  }
}

function parse(text: string, where: string): { value: unknown } | { problems: readonly string[] } {
  const excess = findExcess(text)
  if (excess !== null) return { problems: [`${where}: ${excess}`] }
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    merge: false,
    prettyErrors: false,
  })
  if (document.errors.length > 0) {
    return {
      problems: document.errors
        .slice(0, MAX_PROBLEMS)
        .map(
          ({ pos, message }) => `${where}: line ${lines.linePos(pos[0]).line}: not valid YAML: ${message}.`,
        ),
    }
  }
  return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {} }
}

/** Looks at the text token by token, without recursion, before anything recursive or quadratic sees it. */
function findExcess(text: string): string | null {
  const parser = new Parser()
  let keys = 0
  for (const lexeme of new Lexer().lex(text)) {
    // The parser moves on only while its tokens are taken from it.
    for (const _token of parser.next(lexeme));
    if (parser.stack.length > MAX_OPEN) return 'nested too deeply. Write it flatter.'
    if (lexeme === ':') keys += 1
    if (keys > MAX_KEYS) return `has more than ${MAX_KEYS} keys. Split it.`
  }
  return null
}
