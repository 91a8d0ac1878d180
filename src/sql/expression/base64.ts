const form = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

/** @throws RangeError for what is not base64 (Node itself skips what it does not know). */
export function decodeBase64(text: string): Uint8Array {
  if (!form.test(text)) throw new RangeError('Input byte array is not base64')
  return new Uint8Array(Buffer.from(text, 'base64'))
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
