import { serveThread } from '../serve-thread.ts'
import { composeConformanceDouble } from './core-double.ts'

await serveThread(composeConformanceDouble)
