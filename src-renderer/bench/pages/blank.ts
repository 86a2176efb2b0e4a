import { record } from './recorder.ts'

Object.assign(window, { record })
