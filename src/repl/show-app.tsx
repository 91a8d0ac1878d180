import { render } from 'ink'
import { App } from './app.js'

/** Shows the terminal until the user leaves it. */
export async function showApp(props: Parameters<typeof App>[0]): Promise<void> {
  const app = render(<App {...props} />, { exitOnCtrlC: false })
  await app.waitUntilExit()
}
