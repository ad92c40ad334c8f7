/** As much of WebAssembly as is used: of TypeScript's own libraries only that for browsers declares it. */
declare namespace WebAssembly {
  interface Module {
    readonly [Symbol.toStringTag]: string;
  }
  interface Instance {
    readonly exports: object;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  const Module: new (bytes: Uint8Array<ArrayBuffer>) => Module;
  const Instance: new (
    module: Module,
    imports: Record<string, Record<string, (...values: number[]) => number>>,
  ) => Instance;
}

declare module 'undici/lib/llhttp/llhttp_simd-wasm.js' {
  /** The module's bytes. */
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
