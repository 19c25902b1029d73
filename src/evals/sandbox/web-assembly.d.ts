/** What the sandbox uses of WebAssembly: Node has it, and neither its types nor those of the language say so. */

// biome-ignore lint/style/noNamespace: that is what the language calls it
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Memory {
    constructor(pages: { initial: number; maximum: number })
  }
}
