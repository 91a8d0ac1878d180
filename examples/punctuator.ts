/*
 * A processor of one's own, with a store and a punctuator: devices that have been silent for five minutes of event time
 * raise an alarm, once. Run here without a log, by the test driver.
 *
 *     npm run example -- punctuator
 */
import {
  type KeyValueStore,
  type Processor,
  type ProcessorContext,
  Serdes,
  Stores,
  type StreamRecord,
  StreamsBuilder,
} from 'forebay/streams'
import { TopologyTestDriver } from 'forebay/testing'

const MINUTE_MS = 60_000
const string = Serdes.string()

/** Remembers when each device was heard last, and looks once a minute of event time for those that are silent. */
class SilenceAlarm implements Processor<string, number, string, string> {
  #context: ProcessorContext<string, string> | null = null
  #lastHeard: KeyValueStore<string, number> | null = null

  init(context: ProcessorContext<string, string>): void {
    this.#context = context
    this.#lastHeard = context.getStateStore('last-heard')
    context.schedule(MINUTE_MS, 'STREAM_TIME', (streamTimeMs) => this.#look(streamTimeMs))
  }

  process({ key, timestamp }: StreamRecord<string, number>): void {
    const last = this.#lastHeard!.get(key) ?? 0
    this.#lastHeard!.put(key, Math.max(last, timestamp))
  }

  #look(streamTimeMs: number): void {
    for (const { key, value: heardMs } of [...this.#lastHeard!.all()]) {
      if (streamTimeMs - heardMs < 5 * MINUTE_MS) continue
      const minutes = Math.floor((streamTimeMs - heardMs) / MINUTE_MS)
      this.#context!.forward({ key, value: `silent for ${minutes} min`, timestamp: streamTimeMs })
      this.#lastHeard!.delete(key)
    }
  }
}

export function alarmTopology() {
  const builder = new StreamsBuilder()
  const lastHeard = Stores.keyValue({ name: 'last-heard', keySerde: string, valueSerde: Serdes.long() })
  builder
    .stream('measurements', { keySerde: string, valueSerde: Serdes.double() })
    .process(() => new SilenceAlarm(), { name: 'silence-alarm', stores: [lastHeard] })
    .to('alarms', { keySerde: string, valueSerde: string })
  return builder.build()
}

export interface Measurement {
  readonly device: string
  readonly minute: number
}

/** Returns the alarms, with the minute of event time at which they were raised. */
export function runAlarms(measurements: readonly Measurement[]): string[] {
  const driver = new TopologyTestDriver(alarmTopology())
  const input = driver.createInputTopic('measurements', string, Serdes.double())
  const alarms = driver.createOutputTopic('alarms', string, string)
  for (const { device, minute } of measurements) input.pipeInput(device, 20.5, minute * MINUTE_MS)
  const raised = alarms
    .readRecordsToList()
    .map(({ key, value, timestamp }) => `${timestamp / MINUTE_MS}: ${key} ${value}`)
  driver.close()
  return raised
}

export const someMeasurements: readonly Measurement[] = [
  { device: 'boiler', minute: 0 },
  { device: 'fridge', minute: 1 },
  { device: 'boiler', minute: 3 },
  { device: 'boiler', minute: 6 },
  { device: 'fridge', minute: 9 },
  { device: 'boiler', minute: 16 },
]

if (process.argv[1] === import.meta.filename) {
  for (const alarm of runAlarms(someMeasurements)) console.log(alarm)
}
