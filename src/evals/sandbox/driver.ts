/** What runs inside the engine around the code of a suite. JavaScript as text: none of it runs out here. */

/**
 * A function of the order as JSON and the namespace of a module. It promises a JSON list: what kind of end, and its values,
 * numbers as texts, since JSON has no NaN. An `async` function takes promises apart without asking anything that the code
 * could have replaced, and a list without a prototype is written down as it is.
 */
export const DRIVER = `'use strict';
(() => {
  const { parse, stringify } = JSON
  const { defineProperty, setPrototypeOf } = Object
  const textOf = String
  const list = (...values) => setPrototypeOf(values, null)
  const quiet = () => undefined
  globalThis.console = { log: quiet, info: quiet, debug: quiet, warn: quiet, error: quiet }
  const load = () => { throw new Error('other modules cannot be loaded here') }
  const words = (given) => typeof given === 'string' ? given.slice(0, 1000) : ''
  const wordsOf = (error) => {
    try {
      if (typeof error !== 'object' || error === null) return words(textOf(error))
      return words(textOf(error.name)) + ': ' + words(textOf(error.message))
    } catch {
      return 'something without words'
    }
  }
  const nameOf = (value) => value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value
  const functionOf = ({ code, form, exported }, file) => {
    if (form === 'body') return new Function('output', 'context', code)
    let all = file
    if (form === 'commonjs') {
      const module = { exports: {} }
      new Function('module', 'exports', 'require', code)(module, module.exports, load)
      all = module.exports
    }
    const found = exported !== null ? all[exported] : typeof all === 'function' ? all : all.default
    if (typeof found !== 'function') throw new TypeError('the file exports no function ' + (exported ?? 'by default'))
    return found
  }
  const told = (value) => {
    if (typeof value === 'boolean') return list('boolean', value)
    if (typeof value === 'number') return list('number', textOf(value))
    if (typeof value !== 'object' || value === null) return list('other', nameOf(value))
    const { pass, score, reason = '' } = value
    if (typeof pass !== 'boolean') return list('other', 'an object whose pass is ' + nameOf(pass))
    if (typeof score !== 'number') return list('other', 'an object whose score is ' + nameOf(score))
    if (typeof reason !== 'string') return list('other', 'an object whose reason is ' + nameOf(reason))
    return list('graded', pass, textOf(score), words(reason))
  }
  return async (text, file) => {
    try {
      const order = parse(text)
      for (const name of order.unknown) {
        const get = () => { throw new Error('context.' + name + ' is not known here') }
        defineProperty(order.context, name, { get })
      }
      return stringify(told(await functionOf(order, await file)(order.output, order.context)))
    } catch (error) {
      return stringify(list('thrown', wordsOf(error)))
    }
  }
})()`
