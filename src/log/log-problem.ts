/** Something that a check of files found. */
export interface LogProblem {
  /** 'damage': bytes or their order are not what was written. 'repairable': the next opening mends it, losing nothing. */
  readonly severity: 'damage' | 'repairable'
  readonly file: string
  /** In bytes; null: the file as a whole. */
  readonly position: number | null
  readonly problem: string
}

/** Collects what is wrong with one file after the other. */
export class ProblemList {
  readonly problems: LogProblem[] = []

  damage(file: string, position: number | null, problem: string): void {
    this.problems.push({ severity: 'damage', file, position, problem })
  }

  repairable(file: string, position: number | null, problem: string): void {
    this.problems.push({ severity: 'repairable', file, position, problem })
  }
}
