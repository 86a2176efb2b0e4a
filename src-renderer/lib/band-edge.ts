import { useLayoutEffect, useState } from 'react'

const USUAL_PX = 116

/** Lower edge of the band that holds the levers, in pixels from the top of the window: what opens under a lever starts there. */
export function useBandEdge(): number {
  const [edge, setEdge] = useState(USUAL_PX)
  useLayoutEffect(() => {
    const measure = () => {
      const bottom = document.querySelector('[data-band]')?.getBoundingClientRect().bottom
      // On a short or scrolled page what opens must still fit below.
      if (bottom) setEdge(Math.round(Math.min(Math.max(0, bottom), window.innerHeight * 0.4)))
    }
    measure()
    window.addEventListener('resize', measure)
    return () => window.removeEventListener('resize', measure)
  }, [])
  return edge
}
