import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import * as zlib from 'node:zlib'
import { nodeFiles } from '../common/index.js'

/*
 * zstd: Node's own from 22.15 on, else the reference library as WebAssembly (@bokuweb/zstd-wasm).
 *
 * The package loads its module asynchronously, but a batch must be readable at once, whoever asks first. So its inner
 * module is taken, and instantiated here, synchronously, when zstd is first needed (about 5 ms). The sizes of
 * decompressed data are unknown where the writer streamed, as Java's does: the output grows until it fits.
 */

export interface Zstd {
  compress(data: Uint8Array): Buffer
  /** Throws an Error for data that is no zstd. */
  decompress(data: Uint8Array): Buffer
}

/** What Kafka uses unless `compression.zstd.level` says otherwise. */
const LEVEL = 3

let loaded: Zstd | undefined

export function zstd(): Zstd {
  loaded ??= nativeZstd() ?? wasmZstd()
  return loaded
}

type ZlibFunction = (data: Uint8Array) => Buffer

function nativeZstd(): Zstd | null {
  const { zstdCompressSync, zstdDecompressSync } = zlib as unknown as Record<string, ZlibFunction | undefined>
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return null
  return { compress: zstdCompressSync, decompress: zstdDecompressSync }
}

interface WasmInstance {
  readonly exports: object
}

/** As far as it is used here; the types of Node 20 leave it out. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => WasmInstance
}

/** The part of the Emscripten module that is used here. Sizes and addresses are bytes in the module's memory. */
interface ZstdModule {
  instantiateWasm: (imports: object, receive: (instance: WasmInstance) => void) => object
  init(wasm: Uint8Array): void
  /** Replaced whenever the memory grows. */
  readonly HEAPU8: Uint8Array
  _malloc(bytes: number): number
  _free(address: number): void
  _ZSTD_isError(result: number): number
  _ZSTD_compressBound(bytes: number): number
  _ZSTD_compress(to: number, capacity: number, from: number, bytes: number, level: number): number
  _ZSTD_decompress(to: number, capacity: number, from: number, bytes: number): number
}

const FIRST_CAPACITY_BYTES = 1024 * 1024
const MAX_CAPACITY_BYTES = 1024 * 1024 * 1024
/** ZSTD_error_dstSize_tooSmall, as the negative number that stands for it. */
const OUTPUT_TOO_SMALL = -70

/** Exported for its tests, which also run where Node has zstd. */
export function wasmZstd(): Zstd {
  const module = instantiate()
  return {
    compress(data) {
      const capacity = module._ZSTD_compressBound(data.length)
      return withMemory(module, data, capacity, (to, from) =>
        checked(module, module._ZSTD_compress(to, capacity, from, data.length, LEVEL)),
      )!
    },
    decompress(data) {
      let capacity = Math.max(FIRST_CAPACITY_BYTES, data.length * 4)
      for (; capacity <= MAX_CAPACITY_BYTES; capacity *= 4) {
        const found = withMemory(module, data, capacity, (to, from) => {
          const result = module._ZSTD_decompress(to, capacity, from, data.length)
          return result === OUTPUT_TOO_SMALL ? null : checked(module, result)
        })
        if (found !== null) return found
      }
      throw new RangeError(`zstd data of ${data.length} bytes expands to more than ${capacity / 4} bytes`)
    },
  }
}

function instantiate(): ZstdModule {
  const require = createRequire(import.meta.url)
  const directory = dirname(require.resolve('@bokuweb/zstd-wasm'))
  const { Module: module } = require(join(directory, 'zstd.js')) as { Module: ZstdModule }
  const wasm = nodeFiles.readFile(join(directory, 'zstd.wasm'))
  const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi }
  module.instantiateWasm = (imports, receive) => {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(wasm), imports)
    receive(instance)
    return instance.exports
  }
  module.init(wasm)
  return module
}

/** Calls `work` with `data` and room for the output in the module's memory; it returns the size of the output or null. */
function withMemory(
  module: ZstdModule,
  data: Uint8Array,
  capacity: number,
  work: (to: number, from: number) => number | null,
): Buffer | null {
  const from = module._malloc(data.length)
  const to = module._malloc(capacity)
  try {
    if (from === 0 || to === 0) throw new RangeError(`no memory for ${capacity} bytes of zstd output`)
    module.HEAPU8.set(data, from)
    const size = work(to, from)
    return size === null ? null : Buffer.from(module.HEAPU8.subarray(to, to + size))
  } finally {
    module._free(to)
    module._free(from)
  }
}

function checked(module: ZstdModule, result: number): number {
  if (module._ZSTD_isError(result) !== 0) throw new Error(`zstd error ${-result}`)
  return result
}
