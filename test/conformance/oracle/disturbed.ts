import { checkTopology } from '../../../src/testing/index.js'
import { buildTopology } from './binding.js'
import { type CatalogueEntry, type Scenario, serdeOfType } from './catalogue.js'
import { toHeader } from './scenario.js'

/** Topologies whose results tell the wall clock. */
const tellTheTime = new Set(['process-metadata'])

/** Whether the scenario says the same however it is run: it waits for no wall clock, and does not tell it. */
export function canBeDisturbed(entry: CatalogueEntry, scenario: Scenario): boolean {
  return !tellTheTime.has(entry.name) && scenario.steps.every((step) => 'pipe' in step)
}

/** Runs a scenario in random bundles, with crashes and restarts; returns the first difference to the plain run, or null. */
export async function checkDisturbed(
  entry: CatalogueEntry,
  scenario: Scenario,
  seeds: number,
): Promise<string | null> {
  try {
    await checkTopology(
      () => buildTopology(entry),
      ({ createInputTopic }) => {
        const inputs = new Map(
          entry.inputs.map((i) => [
            i.topic,
            createInputTopic(i.topic, serdeOfType(i.key), serdeOfType(i.value)),
          ]),
        )
        for (const step of scenario.steps) {
          if (!('pipe' in step)) continue
          const { topic, key, value, timestamp, headers = [] } = step.pipe
          inputs.get(topic)!.pipeInput(key, value, timestamp, headers.map(toHeader))
        }
      },
      { seeds, defaultKeySerde: serdeOfType('string'), defaultValueSerde: serdeOfType('string') },
    )
    return null
  } catch (error) {
    return (error as Error).message
  }
}
