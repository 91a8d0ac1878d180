import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/* Kafka's own tools, run in a Java of this machine. Maven brings the jars, once, into the temp directory. */

export const KAFKA_VERSION = '4.1.0'

/** The broker with its tools, and those of clients. */
const ARTIFACTS = ['kafka_2.13', 'kafka-tools']

const dependencies = ARTIFACTS.map(
  (name) =>
    `<dependency>
      <groupId>org.apache.kafka</groupId><artifactId>${name}</artifactId><version>${KAFKA_VERSION}</version>
    </dependency>`,
)
const pom = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>peer</groupId><artifactId>peer</artifactId><version>1</version>
  <dependencies>
    ${dependencies.join('\n    ')}
  </dependencies>
</project>
`

export interface ToolOutput {
  readonly stdout: string
  readonly stderr: string
  /** Why it did not exit with 0; null: it did. */
  readonly failure: string | null
}

/** Runs the main class of a Kafka tool. */
export type RunTool = (mainClass: string, args: readonly string[]) => ToolOutput

export function missingPrograms(): string[] {
  const programs = { java: '-version', mvn: '--version' }
  return Object.entries(programs)
    .filter(([name, version]) => spawnSync(name, [version]).status !== 0)
    .map(([name]) => name)
}

export function kafkaTools(): RunTool {
  const classPath = kafkaClassPath()
  return (mainClass, args) => {
    const java = ['-Dfile.encoding=UTF-8', '-Dsun.stdout.encoding=UTF-8', '-cp', classPath, mainClass]
    const run = spawnSync('java', [...java, ...args], { encoding: 'utf8', maxBuffer: 1024 * 1024 * 1024 })
    const { stdout, stderr, status } = run
    const failure = status === 0 ? null : `ended with ${status ?? run.signal ?? run.error}`
    return { stdout, stderr, failure }
  }
}

export function kafkaClassPath(): string {
  return `${fetchJars()}/*`
}

function fetchJars(): string {
  const home = join(tmpdir(), `forebay-peer-kafka-${KAFKA_VERSION}-with-tools`)
  const jars = join(home, 'jars')
  if (existsSync(jars)) return jars
  const unfinished = join(home, `unfinished-${process.pid}`)
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'pom.xml'), pom)
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`]
  const run = spawnSync('mvn', ['--batch-mode', '--quiet', ...goal], { cwd: home, encoding: 'utf8' })
  if (run.status !== 0) {
    rmSync(unfinished, { recursive: true, force: true })
    throw new Error(`Maven could not bring Kafka ${KAFKA_VERSION}: ${run.stdout}${run.stderr}`)
  }
  renameSync(unfinished, jars)
  return jars
}
