/** The part of the global `WebAssembly` that is used here (TypeScript has it only in its browser library). */
declare const WebAssembly: { instantiate(code: Uint8Array): Promise<{ instance: { exports: unknown } }> };

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/** Compiles a module without imports; `T` is what it exports. */
export async function loadModule<T extends { memory: WasmMemory }>(code: Uint8Array): Promise<T> {
  const { instance } = await WebAssembly.instantiate(code);
  return instance.exports as T;
}
