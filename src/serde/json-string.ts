import type { ByteWriter } from '../common/index.js'
import { plainBytes } from './json-shape.js'

/** Up to here a loop over the characters is faster than two calls into the runtime. */
const LOOPED_CHARACTERS = 400

/** What JSON.stringify writes for a text, without making that first where the text is plain ASCII. */
export function writeJsonString(text: string, out: ByteWriter): void {
  const { length } = text
  if (length <= LOOPED_CHARACTERS) {
    const buffer = out.reserve(length + 2)
    let p = out.position
    buffer[p++] = 0x22
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7e || plainBytes[code] === 0) break
      buffer[p++] = code
    }
    if (i === length) {
      buffer[p] = 0x22
      out.position = p + 1
      return
    }
  }
  out.writeUtf8(JSON.stringify(text))
}
