/** A syntax tree without where it stood: for comparing trees of differently written text. */
export function withoutPlace(node: unknown): unknown {
  if (node instanceof Map) return [...node].map(([key, value]) => [key, withoutPlace(value)])
  if (Array.isArray(node)) return node.map(withoutPlace)
  if (typeof node !== 'object' || node === null) return node
  const place = ['location', 'text', 'script']
  const isDecimal = 'kind' in node && node.kind === 'decimal'
  return Object.fromEntries(
    Object.entries(node)
      .filter(([name]) => !place.includes(name) || (isDecimal && name === 'text'))
      .map(([name, value]) => [name, withoutPlace(value)]),
  )
}
