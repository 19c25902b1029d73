/** The elements of an XML text, for tests of what is written as such. */

import { Parser } from 'htmlparser2'

type Element = { name: string; attributes: Record<string, string>; text: string }

/** Elements in the order of their opening; throws where one is closed that is not the last one opened. */
export function elementsOf(xml: string): Element[] {
  const elements: Element[] = []
  const open: Element[] = []
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        const element = { name, attributes, text: '' }
        elements.push(element)
        open.push(element)
      },
      ontext(text) {
        const last = open.at(-1)
        if (last !== undefined) last.text += text
      },
      onclosetag(name, isImplied) {
        if (open.pop()?.name !== name || (isImplied && !xml.includes('/>'))) throw new Error(`</${name}>`)
      },
    },
    { xmlMode: true },
  )
  parser.end(xml)
  return elements
}

export function named(elements: readonly Element[], name: string): Element[] {
  return elements.filter((one) => one.name === name)
}
