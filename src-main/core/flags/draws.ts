import type { JsonValue } from '../../contract/flag-definition.ts'
import { isJsonArray, isJsonObject } from './json.ts'

/** Whether the logic itself gives shares of people different things. Segments it refers to do not count. */
export function draws(logic: JsonValue | undefined): boolean {
  if (isJsonArray(logic)) return logic.some(draws)
  return isJsonObject(logic) && Object.entries(logic).some(([name, part]) => name === 'fractional' || draws(part))
}
