/*
 * Interactive queries: an application whose table can be asked, and listened to, over HTTP on loopback.
 *
 *     GET /scores/KEY     one row
 *     GET /scores         all rows, highest first
 *     GET /changes        committed changes as they happen, as server-sent events
 *     GET /metrics        the figures of the application, for Prometheus
 *
 *     npm run example -- interactive-query-service
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Log } from 'forebay/log'
import { KafkaStreams, prometheusText, Serdes, StreamsBuilder } from 'forebay/streams'

const string = Serdes.string()

export function scoresTopology() {
  const builder = new StreamsBuilder()
  builder
    .stream('points', { keySerde: string, valueSerde: Serdes.long() })
    .groupByKey()
    .reduce((total, points) => total + points, { store: 'scores' })
  return builder.build()
}

export interface ScoreService {
  readonly url: string
  /** Adds points, and resolves when they count. */
  score(player: string, points: number): Promise<void>
  close(): Promise<void>
}

export async function startScoreService(port = 0): Promise<ScoreService> {
  const log = Log.memory()
  await log.admin.createTopics([{ topic: 'points', partitions: 4 }])
  const producer = log.producer({ keySerde: string, valueSerde: Serdes.long() })
  const streams = new KafkaStreams(scoresTopology(), { log, applicationId: 'scores' })
  await streams.start()
  const server = createServer((request, response) => answer(streams, request.url ?? '/', response))
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async score(key, value) {
      await producer.send({ topic: 'points', key, value })
      await streams.caughtUp()
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await producer.close()
      await streams.close()
      await log.close()
    },
  }
}

function answer(streams: KafkaStreams, url: string, response: ServerResponse): void {
  const scores = streams.table<string, number>('scores')
  const [, path, player] = url.split('/').map(decodeURIComponent)
  if (path === 'metrics') {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
    response.end(prometheusText(streams.metrics()))
    return
  }
  if (path === 'changes') {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const subscription = scores.changes({ from: 'earliest' }).subscribe(({ key, value }) => {
      response.write(`data: ${JSON.stringify({ player: key, score: value })}\n\n`)
    })
    response.on('close', () => subscription.unsubscribe())
    return
  }
  if (path !== 'scores') return json(response, 404, { error: `nothing at ${url}` })
  if (player === undefined) {
    const rows = [...scores.entries()].map(([key, score]) => ({ player: key, score }))
    return json(
      response,
      200,
      rows.sort((a, b) => b.score - a.score),
    )
  }
  const score = scores.current(player)
  if (score === undefined) return json(response, 404, { error: `nobody is called ${player}` })
  json(response, 200, { player, score })
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

if (process.argv[1] === import.meta.filename) {
  const service = await startScoreService(8080)
  await service.score('ada', 3)
  await service.score('bob', 5)
  await service.score('ada', 4)
  console.log(`try  curl ${service.url}/scores  and  curl -N ${service.url}/changes`)
  process.once('SIGINT', () => void service.close())
}
