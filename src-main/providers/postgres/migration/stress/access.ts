import { OLD_SHAPE, type Shape, TENANTS, tenantOf } from './shape.ts'

/**
 * How a program reaches the data: which shape it speaks, and where its `search_path` looks first. `table`: everything.
 * `view`: no COPY and no TRUNCATE, which PostgreSQL has for tables only. `triggeredView`: single rows, and no ON CONFLICT.
 */
export interface Access {
  readonly shape: Shape
  readonly searchPath: string
  readonly kind: 'table' | 'view' | 'triggeredView'
  /** Programs lock the rows they are about to write: what a view with triggers needs for writers not to meet in between. */
  readonly locksFirst?: boolean
}

/** Who goes which way. Sticky: customers of the first tenants are written through `new`, all others through `old`. */
export interface Course {
  readonly old: readonly Access[]
  readonly new: readonly Access[]
  /** Share of tenants, 0 to 1. */
  readonly newShare: number
  /**
   * A customer that goes over to the other side is let go by the one before the other takes it: with tables of both
   * sides, two writers of one customer may deadlock. Within one table nobody needs to.
   */
  readonly handsOver?: boolean
}

export type Side = 'old' | 'new'

export function sideOf(course: Course, id: number): Side {
  return tenantOf(id) < course.newShare * TENANTS ? 'new' : 'old'
}

/** Programs of before any migration. */
export const OLD_TABLES: Course = { old: [{ shape: OLD_SHAPE, searchPath: 'public', kind: 'table' }], new: [], newShare: 0 }
