import { useStdout } from 'ink'
import { useEffect, useState } from 'react'

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/** The terminal's size, kept up to date. */
export function useTerminalSize(): TerminalSize {
  const { stdout } = useStdout()
  const read = (): TerminalSize => ({ columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 })
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
