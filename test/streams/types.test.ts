import { expectTypeOf, test } from 'vitest'
import { Serdes, type Windowed } from '../../src/serde/index.js'
import {
  JoinWindows,
  type KGroupedStream,
  type KStream,
  type KTable,
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
