import { styleText } from 'node:util'

/*
 * Emphasis for text lines. Node leaves the codes out where stdout is no terminal or NO_COLOR is set.
 */

export const paint = {
  bold: (text: string): string => styleText('bold', text),
  dim: (text: string): string => styleText('dim', text),
  inverse: (text: string): string => styleText('inverse', text),
  red: (text: string): string => styleText('red', text),
  prompt: (text: string): string => styleText('bold', styleText('blue', text)),
}
