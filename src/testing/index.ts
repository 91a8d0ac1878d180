/** Testing topologies without a log, threads or a wall clock; and logs, on files that fail and lose power. */
export {
  type CheckInput,
  checkTopology,
  type OutputComparison,
  TopologyCheckError,
  type TopologyCheckOptions,
} from './check-topology.js'
export {
  SimulatedCrash,
  type SimulatedFaults,
  SimulatedFiles,
  type SimulatedFilesOptions,
} from './simulated-files.js'
export {
  type CustomStoreSuiteOptions,
  customStoreSuite,
  type StoreSuiteFramework,
} from './store-suite.js'
export {
  type ListTimes,
  TestInputTopic,
  type TestInputTopicOptions,
  type TestRecord,
} from './test-input-topic.js'
export { type OutputRecord, TestOutputTopic } from './test-output-topic.js'
export {
  TopologyTestDriver,
  type TopologyTestDriverOptions,
  type TopologyTestMetrics,
} from './topology-test-driver.js'
