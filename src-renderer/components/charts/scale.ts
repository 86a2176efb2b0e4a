/** A top for an axis that starts at 0: the next 1, 2, 2.5 or 5 times a power of ten above `max`, and its middle. */
export function niceTop(max: number): number {
  if (!(max > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(max))
  const factor = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((each) => each * power >= max * 1.0001) ?? 10
  return factor * power
}

/** Instants for an axis of time, at most about `count`, on whole seconds, minutes or hours. */
export function timeTicks(fromMs: number, toMs: number, count: number): readonly number[] {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400].map((seconds) => seconds * 1000)
  const step = steps.find((each) => (toMs - fromMs) / each <= count) ?? 86_400_000
  const ticks: number[] = []
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) ticks.push(at)
  return ticks
}

/** Keeps labels at least `gap` apart by moving them as little as needed; all are fractions from the top. */
export function spread(positions: readonly number[], gap: number): readonly number[] {
  const order = positions.map((position, index) => ({ position, index })).toSorted((a, b) => a.position - b.position)
  let last = Number.NEGATIVE_INFINITY
  for (const each of order) {
    each.position = Math.max(each.position, last + gap)
    last = each.position
  }
  let limit = Math.max(1, ...order.map((each) => each.position)) > 1 ? 1 : Number.POSITIVE_INFINITY
  for (const each of order.toReversed()) {
    each.position = Math.min(each.position, limit)
    limit = each.position - gap
  }
  const result = Array.from({ length: positions.length }, () => 0)
  for (const each of order) result[each.index] = each.position
  return result
}

/** Room right of now, for what comes next, as a share of the span. */
const FUTURE = 0.1
/** No plot is wider by much; what moves less than a pixel need not move. */
const PLOT_PX = 1200

/**
 * The window of time a live chart shows. It moves in steps of about a pixel: between them only the lines grow, and
 * nothing on the page is laid out or painted anew. `nowMs` is where "now" is drawn.
 */
export function steadyWindow(now: number, spanMs: number): { readonly fromMs: number; readonly toMs: number; readonly nowMs: number } {
  const stepMs = Math.max(1, Math.floor(spanMs / PLOT_PX / 1000)) * 1000
  const nowMs = stepMs === 1000 ? now : Math.floor(now / stepMs) * stepMs
  return { fromMs: nowMs - spanMs, toMs: nowMs + spanMs * FUTURE, nowMs }
}
