import { StateMark } from '../../components/state-mark.tsx'
import { useServices, useWaiting } from '../../lib/console-context.tsx'
import { plural } from '../../lib/format.ts'
import { isMoving } from '../../lib/release-words.ts'

/** The whole fleet in one sentence; what is fine is not mentioned. */
export function FleetSentence() {
  const services = useServices()
  const waiting = useWaiting()
  const moving = services.filter((service) => isMoving(service.release)).length
  const count = (health: string) => services.filter((service) => service.health === health).length
  const [failing, watch, unknown] = [count('failing'), count('watch'), count('unknown')]
  return (
    <>
      {moving === 0 ? 'Nothing is on the move' : `${moving} on the move`}
      {failing > 0 && (
        <>
          , <StateMark state="fail">{failing} failing</StateMark>
        </>
      )}
      {watch > 0 && (
        <>
          , <StateMark state="watch">{watch} on watch</StateMark>
        </>
      )}
      {unknown > 0 && (
        <>
          , <StateMark state="unknown">{unknown} unknown</StateMark>
        </>
      )}
      {failing + watch + unknown === 0 && services.length > 0 && ', all healthy'}. {waiting.length === 0 ? 'Nothing waits' : waiting.length === 1 ? '1 thing waits' : `${plural(waiting.length, 'thing')} wait`} for you.
    </>
  )
}
