/** Where two JSON values differ first, or null where they are equal. The order of object fields does not count. */
export function firstDifference(expected: unknown, actual: unknown, path = ''): string | null {
  if (Object.is(expected, actual)) return null
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const length = Math.max(expected.length, actual.length)
    for (let i = 0; i < length; i++) {
      if (i >= expected.length) return `${path}[${i}]: unexpected ${show(actual[i])}`
      if (i >= actual.length) return `${path}[${i}]: missing ${show(expected[i])}`
      const difference = firstDifference(expected[i], actual[i], `${path}[${i}]`)
      if (difference !== null) return difference
    }
    return null
  }
  if (isObject(expected) && isObject(actual)) {
    for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      const difference = firstDifference(expected[name], actual[name], path === '' ? name : `${path}.${name}`)
      if (difference !== null) return difference
    }
    return null
  }
  return `${path}: expected ${show(expected)}, found ${show(actual)}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show(value: unknown): string {
  const text = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v)) ?? 'nothing'
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}
