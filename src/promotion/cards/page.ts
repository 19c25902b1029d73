/** What a card's page is made of, whatever form it gets: sections of facts, tables, lists and sentences. */

/** Texts are as people wrote them: whoever renders them makes them safe. */
export type Block =
  | { kind: 'facts'; facts: readonly Fact[] }
  | { kind: 'table'; head: readonly string[]; rows: readonly (readonly string[])[] }
  | { kind: 'list'; items: readonly string[] }
  | { kind: 'text'; text: string }
export type Fact = readonly [label: string, value: string]
export type Section = { title: string; blocks: readonly Block[] }
export type Page = { title: string; facts: readonly Fact[]; sections: readonly Section[] }

export const UNKNOWN = 'unknown'
