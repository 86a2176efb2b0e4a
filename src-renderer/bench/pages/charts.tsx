import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { flushSync } from 'react-dom'
import { createRoot } from 'react-dom/client'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { App } from '../../app/app.tsx'
import { startConsole } from '../../app/console.ts'
import { createAppRouter } from '../../app/router.tsx'
import '../../app/theme.css'
import { shifting, startMetrics } from '../../dev/cases.ts'
import { directClient } from '../../dev/direct-client.ts'
import { steadyWindow } from '../../components/charts/scale.ts'
import { ChartFrame } from '../../features/service/chart-frame.tsx'
import { ChartRow } from '../../features/service/chart-row.tsx'
import { createTestCore } from '../../lib/test-core.ts'

const ROWS = 3
/** Two lines of each environment in a chart. */
const LINES = 4
const POINTS = 3600
const PLOT_PX = { width: 1100, height: 180 }
const HUES = ['#4d8eff', '#4d8eff', '#1fbfa0', '#1fbfa0']

const end = Math.floor(Date.now() / 1000) * 1000
const times = Array.from({ length: POINTS }, (_, index) => end - (POINTS - index) * 1000)
const wave = (index: number, line: number) => 200 + Math.sin(index / 40 + line) * 60 + Math.sin(index * 1.7 + line * 3) * 25
const lines = Array.from({ length: ROWS * LINES }, (_, line) => times.map((_, index) => wave(index, line)))
const marks = Array.from({ length: 8 }, (_, index) => ({ seq: index + 1, at: end - index * 400_000, label: `${index * 10} % to green`, hot: index === 3 }))
const root = document.getElementById('root') ?? document.body

let ticks = 0
/** A second later: what is oldest goes, a value comes. The same arrays for both arms. */
function advance(): void {
  ticks += 1
  times.push((times.at(-1) ?? 0) + 1000)
  times.shift()
  lines.forEach((line, index) => {
    line.push(wave(POINTS + ticks, index))
    line.shift()
  })
}

let redraw: () => void = () => undefined

function Frame() {
  const [, setDrawn] = useState(0)
  useEffect(() => {
    redraw = () => flushSync(() => setDrawn(ticks))
  }, [])
  const { fromMs, toMs, nowMs: now } = steadyWindow(times.at(-1) ?? 0, 3_600_000)
  const shared = { times: [...times], fromMs, toMs, now, hoverIndex: null, onHover: () => undefined }
  return (
    <div style={{ width: 1330, height: 640, display: 'flex' }}>
      <ChartFrame rows={ROWS} fromMs={shared.fromMs} toMs={shared.toMs} now={now} marks={marks} release={null} head={<><div /><div /><div /></>}>
        {[0, 1, 2].map((row) => {
          const of = (index: number) => [...(lines[row * LINES + index] ?? [])]
          return <ChartRow key={row} {...shared} title={`Metric ${row}`} unit="ms" blue={[of(0), of(1)]} green={[of(2), of(3)]} limits={[{ value: 300, label: 'limit 300 ms' }]} minTop={10} format={(value) => value.toFixed(0)} tick={(value) => value.toFixed(0)} />
        })}
      </ChartFrame>
    </div>
  )
}

/** Marks are links, so the charts stand in a router as they do on their page. */
function product(): () => void {
  const router = createRouter({ routeTree: createRootRoute({ component: Frame }), history: createMemoryHistory() })
  createRoot(root).render(<RouterProvider router={router as unknown as ReturnType<typeof createAppRouter>} />)
  return () => redraw()
}

function bare(): () => void {
  const data = (row: number): UPlot.AlignedData => [times.map((at) => at / 1000), ...lines.slice(row * LINES, (row + 1) * LINES).map((line) => [...line])]
  const plots = [0, 1, 2].map((row) => new UPlot({ ...PLOT_PX, legend: { show: false }, cursor: { show: false }, axes: [{ show: false }, { show: false }], scales: { x: { auto: true }, y: { range: [0, 400] } }, series: [{}, ...HUES.map((stroke) => ({ stroke, width: 1.6, points: { show: false } }))] }, data(row), root))
  return () => plots.forEach((plot, row) => plot.setData(data(row)))
}

/** The whole service page over an hour, with its own clock and stream. */
function page(): () => void {
  const core = createTestCore(shifting())
  for (const name of core.world.services.keys()) if (name !== 'checkout') core.world.services.delete(name)
  startMetrics(core)
  const running = startConsole(async () => ({ client: directClient(core.api), closed: new Promise<string>(() => undefined), close: () => undefined }))
  window.location.hash = '#/services/checkout'
  createRoot(root).render(<App running={running} router={createAppRouter()} />)
  return () => undefined
}

let draw: () => void = () => undefined
const bench = {
  open(arm: 'product' | 'bare' | 'page') {
    draw = { product, bare, page }[arm]()
  },
  /** So many ticks, one each `everyMs`. */
  async tick(count: number, everyMs: number) {
    for (let index = 0; index < count; index += 1) {
      advance()
      draw()
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  },
}
export type ChartsBench = typeof bench
Object.assign(window, { bench })
