import { filter, map } from 'rxjs'
import { expect, expectTypeOf, test } from 'vitest'
import { type Serde, Serdes, type StandardSchema, type Windowed } from '../../src/serde/index.js'
import {
  type DroppedRecord,
  deserialize,
  JoinWindows,
  type KGroupedStream,
  type KStream,
  type KTable,
  type Processor,
  SessionWindows,
  SlidingWindows,
  StreamsBuilder,
  TimeWindows,
} from '../../src/streams/index.js'

declare const builder: StreamsBuilder

test('types flow from serdes through the operators', () => {
  expectTypeOf(StreamsBuilder).toBeConstructibleWith()
  type Order = { customer: string; price: number }
  const check = () => {
    const orders = builder.stream('orders', { keySerde: Serdes.string(), valueSerde: Serdes.json<Order>() })
    expectTypeOf(orders).toEqualTypeOf<KStream<string, Order>>()
    expectTypeOf(orders.mapValues((order) => order.price)).toEqualTypeOf<KStream<string, number>>()
    const keyed = orders.map((_, order) => [order.customer, order.price] as const)
    expectTypeOf(keyed).toEqualTypeOf<KStream<string, number>>()
    expectTypeOf(orders.groupByKey()).toEqualTypeOf<KGroupedStream<string, Order>>()
    expectTypeOf(orders.groupBy((_, o) => o.price).count()).toEqualTypeOf<KTable<number, number>>()
    expectTypeOf(
      orders
        .groupByKey()
        .windowedBy(TimeWindows.ofSizeWithNoGrace(10))
        .aggregate(
          () => 0,
          (_, order, sum) => sum + order.price,
        ),
    ).toEqualTypeOf<KTable<Windowed<string>, number>>()
    const names = builder.table('names', { keySerde: Serdes.string(), valueSerde: Serdes.string() })
    expectTypeOf(names.toStream()).toEqualTypeOf<KStream<string, string | null>>()
    expectTypeOf(orders.join(names, (order, name) => ({ ...order, name }))).toEqualTypeOf<
      KStream<string, { name: string; customer: string; price: number }>
    >()
    expectTypeOf(orders.leftJoin(names, (_, name) => name)).toEqualTypeOf<KStream<string, string | null>>()
    expectTypeOf(
      orders.join(keyed, (order, price) => order.price + price, JoinWindows.ofTimeDifferenceWithNoGrace(5)),
    ).toEqualTypeOf<KStream<string, number>>()
    const global = builder.globalTable('g', { keySerde: Serdes.long(), valueSerde: Serdes.string() })
    expectTypeOf(
      orders.leftJoin(
        global,
        (_, order) => order.price,
        (_, name) => name,
      ),
    ).toEqualTypeOf<KStream<string, string | null>>()
    const table = orders.toTable()
    expectTypeOf(
      table.join(
        names,
        (order) => order.customer,
        (order, name) => `${order.price} ${name}`,
      ),
    ).toEqualTypeOf<KTable<string, string>>()
    expectTypeOf(
      table
        .groupBy((key, order) => [order.price, key])
        .reduce(
          (a, b) => a + b,
          (a) => a,
        ),
    ).toEqualTypeOf<KTable<number, string>>()
  }
  expectTypeOf(check).toBeFunction()
})

test('narrowing predicates narrow streams, tables and branches', () => {
  type Event = { type: 'paid'; amount: number } | { type: 'left' }
  type Paid = Extract<Event, { type: 'paid' }>
  const isPaid = (_key: string, event: Event): event is Paid => event.type === 'paid'
  const check = () => {
    const events = builder.stream('events', { keySerde: Serdes.string(), valueSerde: Serdes.json<Event>() })
    expectTypeOf(events.filter(isPaid)).toEqualTypeOf<KStream<string, Paid>>()
    expectTypeOf(events.filterNot(isPaid)).toEqualTypeOf<KStream<string, { type: 'left' }>>()
    // TypeScript reads a guard out of what the function does.
    expectTypeOf(events.filter((_, event) => event.type !== 'left')).toEqualTypeOf<KStream<string, Paid>>()
    expectTypeOf(events.toTable().filter(isPaid)).toEqualTypeOf<KTable<string, Paid>>()
    const branches = events
      .split()
      .branch(isPaid, { consumer: (paid) => expectTypeOf(paid).toEqualTypeOf<KStream<string, Paid>>() })
      .defaultBranch({ name: 'rest' })
    expectTypeOf(branches).toEqualTypeOf<ReadonlyMap<string, KStream<string, Event>>>()
  }
  expectTypeOf(check).toBeFunction()
})

test('windows, cogroups, foreign keys and outer joins have the types they give', () => {
  type Order = { id: number; customer: string }
  const check = () => {
    const words = builder.stream('words', { keySerde: Serdes.string(), valueSerde: Serdes.string() })
    const lengths = builder.stream('lengths', { keySerde: Serdes.string(), valueSerde: Serdes.double() })
    const sessions = words.groupByKey().windowedBy(SessionWindows.ofInactivityGapWithNoGrace(5))
    expectTypeOf(sessions.count()).toEqualTypeOf<KTable<Windowed<string>, number>>()
    expectTypeOf(sessions.count().toStream()).toEqualTypeOf<KStream<Windowed<string>, number | null>>()
    const cogrouped = words
      .groupByKey()
      .cogroup<number>((_key, word, sum) => sum + word.length)
      .cogroup(lengths.groupByKey(), (_key, length, sum) => sum + length)
    expectTypeOf(cogrouped.aggregate(() => 0)).toEqualTypeOf<KTable<string, number>>()
    const sliding = SlidingWindows.ofTimeDifferenceWithNoGrace(5)
    expectTypeOf(cogrouped.windowedBy(sliding).aggregate(() => 0)).toEqualTypeOf<
      KTable<Windowed<string>, number>
    >()
    const windows = JoinWindows.ofTimeDifferenceWithNoGrace(5)
    words.leftJoin(
      lengths,
      (word, length) => expectTypeOf([word, length]).toEqualTypeOf<(string | number | null)[]>(),
      windows,
    )
    words.outerJoin(
      lengths,
      (word, length, key) => {
        expectTypeOf(word).toEqualTypeOf<string | null>()
        expectTypeOf(length).toEqualTypeOf<number | null>()
        expectTypeOf(key).toEqualTypeOf<string>()
        return true
      },
      windows,
    )
    const orders = builder.table('orders', { keySerde: Serdes.long(), valueSerde: Serdes.json<Order>() })
    const names = words.toTable()
    const joined = orders.leftJoin(
      names,
      (order) => order.customer,
      (order, name) => {
        expectTypeOf(name).toEqualTypeOf<string | null>()
        return { ...order, name }
      },
    )
    expectTypeOf(joined).toEqualTypeOf<
      KTable<number, { name: string | null; id: number; customer: string }>
    >()
    const id = (order: Order) => order.id
    // @ts-expect-error: the foreign key has to be a key of the other table
    orders.join(names, id, (order) => order)
  }
  expectTypeOf(check).toBeFunction()
})

test('asynchronous operators, processors and RxJS operators say what comes out', () => {
  const check = () => {
    const words = builder.stream('words', { keySerde: Serdes.string(), valueSerde: Serdes.string() })
    expectTypeOf(words.mapValuesAsync(async (word) => word.length)).toEqualTypeOf<KStream<string, number>>()
    const pairs = words.flatMapAsync(async (key, word) => [[word.length, key]] as [number, string][])
    expectTypeOf(pairs).toEqualTypeOf<KStream<number, string>>()
    const piped = words.pipe(
      filter(({ value }) => value !== ''),
      map(({ timestamp, value }) => ({ key: value.length, value: true, timestamp })),
    )
    expectTypeOf(piped).toEqualTypeOf<KStream<number, boolean>>()
    const supplier = (): Processor<string, string, number, Date> => ({ process() {} })
    expectTypeOf(words.process(supplier)).toEqualTypeOf<KStream<number, Date>>()
    // @ts-expect-error: the processor takes other values
    words.process((): Processor<string, number, string, string> => ({ process() {} }))
    expectTypeOf(builder.droppedRecords()).toEqualTypeOf<KStream<string, DroppedRecord>>()
  }
  expectTypeOf(check).toBeFunction()
})

/** A schema as zod, valibot and arktype offer it: see standardschema.dev. */
const person: StandardSchema<{ name: string; born: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const { name, born } = value as { name?: unknown; born?: unknown }
      if (typeof name === 'string' && typeof born === 'number') return { value: { name, born } }
      return { issues: [{ message: 'expected a number', path: ['born'] }] }
    },
  },
}

test('a Standard Schema gives values their type, and refuses others by name', () => {
  const serde = Serdes.json(person)
  expectTypeOf(serde).toEqualTypeOf<Serde<{ name: string; born: number }>>()
  const people = new StreamsBuilder().stream('people', { keySerde: Serdes.string(), valueSerde: serde })
  expectTypeOf(people.mapValues(({ born }) => born)).toEqualTypeOf<KStream<string, number>>()
  const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))
  expect(deserialize(serde, bytes({ name: 'Ada', born: 1815, more: true }))).toEqual({
    name: 'Ada',
    born: 1815,
  })
  expect(() => deserialize(serde, bytes({ name: 'Ada' }))).toThrow(
    'does not fit its schema: born: expected a number',
  )
})
