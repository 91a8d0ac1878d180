import type { PlannedSubtopology, TopicPlan } from './topic-plan.js'

/** A task of this instance. */
export interface TaskAssignment {
  /** `<sub-topology>_<partition>`, as in Kafka Streams. */
  readonly taskId: string
  readonly partition: number
  readonly planned: PlannedSubtopology
}

/** One instance runs every task. The place where a consumer group's assignment would come in. */
export function assignAll(plan: TopicPlan): TaskAssignment[] {
  return plan.subtopologies.flatMap((planned) =>
    Array.from({ length: planned.tasks }, (_, partition) => ({
      taskId: `${planned.subtopology.id}_${partition}`,
      partition,
      planned,
    })),
  )
}
