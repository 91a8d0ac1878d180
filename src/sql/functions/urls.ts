import type { ScalarFunction } from './registry.js'

/** The parts of a URL, percent escapes decoded in all but the host; null for what it does not have. */
interface UrlParts {
  readonly scheme: string | null
  readonly host: string | null
  readonly port: number | null
  readonly path: string | null
  readonly query: string | null
  readonly fragment: string | null
}

const urlForm = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s

/** @throws RangeError for what java.net.URI does not take: blanks, broken escapes, stray brackets */
function parseUrl(url: string): UrlParts {
  const match = urlForm.exec(url)
  if (match === null || /[\s"<>\\^`{|}]|%(?![0-9a-fA-F]{2})/.test(url)) throw invalidUrl(url)
  const [, scheme, authority, path = '', query, fragment] = match
  const opaque = scheme !== undefined && authority === undefined && !path.startsWith('/')
  if (opaque && path === '') throw invalidUrl(url)
  const server =
    authority === undefined ? null : /^(?:[^@]*@)?(\[[^\]]*\]|[^:[\]]*)(?::(\d*))?$/.exec(authority)
  return {
    scheme: scheme ?? null,
    host: server?.[1] || null,
    port: server?.[2] ? Number(server[2]) : null,
    path: opaque ? null : decode(path),
    query: query === undefined || opaque ? null : decode(query),
    fragment: fragment === undefined ? null : decode(fragment),
  }
}

function invalidUrl(url: string): RangeError {
  return new RangeError(`URL input has invalid syntax: ${url}`)
}

function decode(text: string): string {
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString(),
  )
}

/** Form encoding: a blank is `+`, and only letters, digits and `.-*_` stay. */
function encodeParam(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

function decodeParam(text: string): string {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) {
    throw new RangeError(`URLDecoder: Illegal hex characters in escape pattern: ${text}`)
  }
  return decode(text.replaceAll('+', ' '))
}

function parameter(url: string, name: string): string | null {
  const { query } = parseUrl(url)
  if (query === null) return null
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=')
    if ((at === -1 ? pair : pair.slice(0, at)) === name) return at === -1 ? '' : pair.slice(at + 1)
  }
  return null
}

function part(name: string, key: keyof UrlParts, returns = 'STRING'): ScalarFunction {
  return {
    name,
    variants: [{ parameters: 'STRING input', returns, fn: (url: string) => parseUrl(url)[key] }],
  }
}

export const urlFunctions: readonly ScalarFunction[] = [
  {
    name: 'url_encode_param',
    variants: [{ parameters: 'STRING input', returns: 'STRING', fn: encodeParam }],
  },
  {
    name: 'url_decode_param',
    variants: [{ parameters: 'STRING input', returns: 'STRING', fn: decodeParam }],
  },
  part('url_extract_fragment', 'fragment'),
  part('url_extract_host', 'host'),
  part('url_extract_path', 'path'),
  part('url_extract_port', 'port', 'INTEGER'),
  part('url_extract_protocol', 'scheme'),
  part('url_extract_query', 'query'),
  {
    name: 'url_extract_parameter',
    variants: [{ parameters: 'STRING input, STRING paramToFind', returns: 'STRING', fn: parameter }],
  },
]
