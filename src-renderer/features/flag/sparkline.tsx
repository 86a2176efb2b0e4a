/** Evaluations a minute, drawn small. Its text equivalent stands in the row's own words. */
export function Sparkline({ values, width = 64, height = 13 }: { readonly values: readonly number[]; readonly width?: number; readonly height?: number }) {
  if (values.length < 2) return null
  const top = Math.max(1, ...values)
  const path = values.map((value, index) => `${index === 0 ? 'M' : 'L'}${((index / (values.length - 1)) * width).toFixed(1)} ${(height - 1 - (value / top) * (height - 2)).toFixed(1)}`).join('')
  return (
    <svg width={width} height={height} aria-hidden="true" className="block flex-none overflow-visible text-ink-3">
      <path d={path} fill="none" stroke="currentColor" strokeWidth="1" vectorEffect="non-scaling-stroke" />
    </svg>
  )
}
