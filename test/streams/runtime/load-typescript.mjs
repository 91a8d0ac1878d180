import { register } from 'tsx/esm/api'

// Worker threads of tests run the sources: `--import tsx` alone does nothing in a thread of a process without it.
register()
