import type { ScalarFunction } from './registry.js'

/** What replaces upper-case letters, lower-case letters, digits and the rest; null leaves a class as it is. */
interface Masks {
  readonly upper: string | null
  readonly lower: string | null
  readonly digit: string | null
  readonly other: string | null
}

const defaults: Masks = { upper: 'X', lower: 'x', digit: 'n', other: '-' }

function masksOf(
  upper: string | null,
  lower: string | null,
  digit: string | null,
  other: string | null,
): Masks {
  for (const mask of [upper, lower, digit, other]) {
    if (mask !== null && mask.length !== 1) {
      throw new RangeError(`Invalid mask character. Must be only single character, but was '${mask}'`)
    }
  }
  return { upper, lower, digit, other }
}

function maskText(text: string, masks: Masks): string {
  let masked = ''
  for (const char of text) {
    if (/\p{Lu}/u.test(char)) masked += masks.upper ?? char
    else if (/\p{Ll}/u.test(char)) masked += masks.lower ?? char
    else if (/\p{Nd}/u.test(char)) masked += masks.digit ?? char
    else masked += masks.other ?? char
  }
  return masked
}

type PartialMask = (text: string, count: number, masks: Masks) => string

/** Counts are of characters, from one of the ends. */
const partial: Readonly<Record<string, PartialMask>> = {
  mask_left: (text, count, masks) => maskText(text.slice(0, count), masks) + text.slice(count),
  mask_right: (text, count, masks) => {
    const at = Math.max(text.length - count, 0)
    return text.slice(0, at) + maskText(text.slice(at), masks)
  },
  mask_keep_left: (text, count, masks) => text.slice(0, count) + maskText(text.slice(count), masks),
  mask_keep_right: (text, count, masks) => {
    const at = Math.max(text.length - count, 0)
    return maskText(text.slice(0, at), masks) + text.slice(at)
  },
}

type MaskText = string | null

const maskParameters = 'STRING upper, STRING lower, STRING digit, STRING other'

function partialFunction(name: string, mask: PartialMask): ScalarFunction {
  const run = (text: string | null, count: number | null, masks: Masks): string | null => {
    if (count === null || count < 0) {
      throw new RangeError(`function ${name} requires a non-negative number of characters to mask or skip`)
    }
    return text === null ? null : mask(text, count, masks)
  }
  return {
    name,
    variants: [
      {
        parameters: 'STRING input, INT numChars',
        returns: 'STRING',
        fn: (text: string, count: number) => run(text, count, defaults),
      },
      {
        parameters: `STRING input, INT numChars, ${maskParameters}`,
        returns: 'STRING',
        nulls: 'handled',
        fn: (
          text: MaskText,
          count: number | null,
          upper: MaskText,
          lower: MaskText,
          digit: MaskText,
          other: MaskText,
        ) => run(text, count, masksOf(upper, lower, digit, other)),
      },
    ],
  }
}

export const maskFunctions: readonly ScalarFunction[] = [
  {
    name: 'mask',
    variants: [
      { parameters: 'STRING input', returns: 'STRING', fn: (text: string) => maskText(text, defaults) },
      {
        parameters: `STRING input, ${maskParameters}`,
        returns: 'STRING',
        nulls: 'handled',
        fn: (text: MaskText, upper: MaskText, lower: MaskText, digit: MaskText, other: MaskText) =>
          text === null ? null : maskText(text, masksOf(upper, lower, digit, other)),
      },
    ],
  },
  ...Object.entries(partial).map(([name, mask]) => partialFunction(name, mask)),
]
