/** Testing topologies without a log, threads or a wall clock. */
export { TestInputTopic, type TestInputTopicOptions, type TestRecord } from './test-input-topic.js'
export { type OutputRecord, TestOutputTopic } from './test-output-topic.js'
export {
  TopologyTestDriver,
  type TopologyTestDriverOptions,
  type TopologyTestMetrics,
} from './topology-test-driver.js'
