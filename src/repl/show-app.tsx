import { render } from 'ink'
import { App } from './app.js'

/** Shows the terminal until the user leaves it or `signal` ends it. */
export async function showApp(props: Parameters<typeof App>[0], signal: AbortSignal): Promise<void> {
  const app = render(<App {...props} />, { exitOnCtrlC: false, stdout: withoutHeight(process.stdout) })
  const leave = (): void => app.unmount()
  if (signal.aborted) leave()
  signal.addEventListener('abort', leave)
  await app.waitUntilExit()
  signal.removeEventListener('abort', leave)
}

/**
 * When a frame is as high as the terminal, as after the window was made smaller, Ink clears the terminal with its
 * scrollback. It never does on a terminal without a bottom; what is drawn here is bounded by the real height.
 */
function withoutHeight(stdout: NodeJS.WriteStream): NodeJS.WriteStream {
  return new Proxy(stdout, {
    get(target, property) {
      if (property === 'rows') return Number.POSITIVE_INFINITY
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
