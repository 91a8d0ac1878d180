/** `buffer[from, to)` holds ASCII. Short text is built at once, without a call into the runtime. */
export function asciiText(b: Buffer, from: number, to: number): string {
  const char = String.fromCharCode
  const p = from
  switch (to - from) {
    case 0:
      return ''
    case 1:
      return char(b[p]!)
    case 2:
      return char(b[p]!, b[p + 1]!)
    case 3:
      return char(b[p]!, b[p + 1]!, b[p + 2]!)
    case 4:
      return char(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!)
    case 5:
      return char(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!)
    case 6:
      return char(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!)
    case 7:
      return char(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!)
    case 8:
      return char(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!)
    case 9:
      return char(
        b[p]!,
        b[p + 1]!,
        b[p + 2]!,
        b[p + 3]!,
        b[p + 4]!,
        b[p + 5]!,
        b[p + 6]!,
        b[p + 7]!,
        b[p + 8]!,
      )
    case 10:
      return char(
        b[p]!,
        b[p + 1]!,
        b[p + 2]!,
        b[p + 3]!,
        b[p + 4]!,
        b[p + 5]!,
        b[p + 6]!,
        b[p + 7]!,
        b[p + 8]!,
        b[p + 9]!,
      )
    case 11:
      return char(
        b[p]!,
        b[p + 1]!,
        b[p + 2]!,
        b[p + 3]!,
        b[p + 4]!,
        b[p + 5]!,
        b[p + 6]!,
        b[p + 7]!,
        b[p + 8]!,
        b[p + 9]!,
        b[p + 10]!,
      )
    case 12:
      return char(
        b[p]!,
        b[p + 1]!,
        b[p + 2]!,
        b[p + 3]!,
        b[p + 4]!,
        b[p + 5]!,
        b[p + 6]!,
        b[p + 7]!,
        b[p + 8]!,
        b[p + 9]!,
        b[p + 10]!,
        b[p + 11]!,
      )
    default:
      return b.toString('latin1', from, to)
  }
}
