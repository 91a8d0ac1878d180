import { type Clock, type Random, systemClock, systemRandom } from '../../common/index.js'
import { offsetAggregates } from './aggregates/by-offset.js'
import { collectingAggregates } from './aggregates/collecting.js'
import { countDistinctAggregate } from './aggregates/count-distinct.js'
import { extremeAggregates } from './aggregates/extremes.js'
import { statisticsAggregates } from './aggregates/statistics.js'
import { sumAggregates } from './aggregates/sums.js'
import { collectionFunctions } from './collections.js'
import { dateFunctions } from './dates.js'
import { descriptions } from './descriptions.js'
import { encodingFunctions } from './encodings.js'
import { jsonFunctions } from './json.js'
import { lambdaFunctions } from './lambdas.js'
import { maskFunctions } from './mask.js'
import { nullFunctions } from './nulls.js'
import { numericFunctions } from './numeric.js'
import { FunctionRegistry } from './registry.js'
import { regularExpressionFunctions } from './regular-expressions.js'
import { stringFunctions } from './strings.js'
import { tableFunctions } from './table-functions.js'
import { urlFunctions } from './urls.js'

export interface FunctionRegistryOptions {
  readonly clock?: Clock
  readonly random?: Random
  /** Zone id for the deprecated date functions. Default UTC. */
  readonly zone?: string
  /** Settings that functions read, such as `ksql.functions.collect_list.limit`. */
  readonly config?: (name: string) => string | undefined
}

const scalars = [
  ...numericFunctions,
  ...stringFunctions,
  ...encodingFunctions,
  ...maskFunctions,
  ...regularExpressionFunctions,
  ...jsonFunctions,
  ...collectionFunctions,
  ...lambdaFunctions,
  ...nullFunctions,
  ...dateFunctions,
  ...urlFunctions,
]

const aggregates = [
  ...sumAggregates,
  ...statisticsAggregates,
  ...collectingAggregates,
  ...extremeAggregates,
  ...offsetAggregates,
  countDistinctAggregate,
]

/** A registry with all built-in functions; an application adds its own to it. */
export function createFunctionRegistry(options: FunctionRegistryOptions = {}): FunctionRegistry {
  const registry = new FunctionRegistry({
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    zone: options.zone ?? 'UTC',
    config: options.config ?? (() => undefined),
  })
  for (const definition of scalars) {
    const description = definition.description ?? descriptions.get(definition.name.toUpperCase())
    registry.scalar(description === undefined ? definition : { ...definition, description })
  }
  for (const definition of aggregates) registry.aggregate(definition)
  for (const definition of tableFunctions) registry.table(definition)
  return registry
}
