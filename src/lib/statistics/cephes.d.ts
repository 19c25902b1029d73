/** What Aval calls of `cephes`: version 3.3.3 has types, but its `exports` do not name them to TypeScript. */

declare module 'cephes' {
  /** Settles when the WebAssembly behind the functions is ready. They throw RangeError outside their domain. */
  export const compiled: Promise<void>
  export function ndtr(x: number): number
  export function ndtri(p: number): number
  export function stdtr(degreesOfFreedom: number, t: number): number
  export function stdtri(degreesOfFreedom: number, p: number): number
  export function incbet(a: number, b: number, x: number): number
  export function incbi(a: number, b: number, p: number): number
  export function lbeta(a: number, b: number): number
  export function bdtr(successes: number, trials: number, p: number): number
}
