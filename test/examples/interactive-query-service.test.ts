import { expect, it } from 'vitest'
import { startScoreService } from '../../examples/interactive-query-service.js'

it('answers for one row and for all, and tells changes', async () => {
  const service = await startScoreService()
  try {
    const ask = async (path: string) => {
      const response = await fetch(service.url + path)
      return { status: response.status, body: (await response.json()) as unknown }
    }
    expect(await ask('/scores/ada')).toMatchObject({ status: 404 })
    await service.score('ada', 3)
    await service.score('bob', 5)
    const changes = (await fetch(`${service.url}/changes`)).body!.pipeThrough(new TextDecoderStream())
    await service.score('ada', 4)
    expect(await ask('/scores/ada')).toEqual({ status: 200, body: { player: 'ada', score: 7 } })
    expect(await ask('/scores')).toEqual({
      status: 200,
      body: [
        { player: 'ada', score: 7 },
        { player: 'bob', score: 5 },
      ],
    })
    const metrics = await (await fetch(`${service.url}/metrics`)).text()
    expect(metrics).toContain('forebay_streams_state{application_id="scores",state="RUNNING"} 1')
    let told = ''
    for await (const text of changes) {
      told += text
      if (told.includes('"score":7}\n\n')) break
    }
    const events = told.trim().split('\n\n')
    expect(
      events.map((event) => JSON.parse(event.replace('data: ', ''))).sort((a, b) => a.score - b.score),
    ).toEqual([
      { player: 'ada', score: 3 },
      { player: 'bob', score: 5 },
      { player: 'ada', score: 7 },
    ])
  } finally {
    await service.close()
  }
})
