import { useStdout } from 'ink'
import { useEffect, useState } from 'react'

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/** The terminal's size, kept up to date. */
export function useTerminalSize(): TerminalSize {
  const { stdout } = useStdout()
  const read = (): TerminalSize => {
    // The stream given to Ink does not tell its height; see show-app.tsx.
    const [columns, rows] = stdout.getWindowSize?.() ?? [stdout.columns, stdout.rows]
    return { columns: columns || 80, rows: rows || 24 }
  }
  const [size, setSize] = useState(read)
  useEffect(() => {
    const resized = (): void => setSize(read())
    stdout.on('resize', resized)
    return () => {
      stdout.off('resize', resized)
    }
  }, [])
  return size
}
