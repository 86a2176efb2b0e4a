/** Ids that are likely to exist, shared by all clients so that they meet on the same rows. */
export interface IdPool {
  readonly size: number
  add(id: number): void
  remove(id: number): void
  clear(): void
  has(id: number): boolean
  /** A random one for which `wanted` holds; one of the first few, which everybody likes, when `hot`. Null when none was met in a few tries. */
  pick(random: () => number, hot: boolean, wanted: (id: number) => boolean): number | null
}

const HOT = 24
const TRIES = 40

export function createIdPool(initial: readonly number[]): IdPool {
  const ids = [...initial]
  const places = new Map(ids.map((id, place) => [id, place]))
  return {
    get size() {
      return ids.length
    },
    add(id) {
      if (places.has(id)) return
      places.set(id, ids.push(id) - 1)
    },
    remove(id) {
      const place = places.get(id)
      const last = ids.pop()
      if (last === undefined) return
      places.delete(id)
      if (place === undefined) {
        ids.push(last)
        return
      }
      if (last === id) return
      ids[place] = last
      places.set(last, place)
    },
    clear() {
      ids.length = 0
      places.clear()
    },
    has: (id) => places.has(id),
    pick(random, hot, wanted) {
      for (let i = 0; i < TRIES && ids.length > 0; i += 1) {
        const id = ids[Math.floor(random() * (hot ? Math.min(HOT, ids.length) : ids.length))]
        if (id !== undefined && wanted(id)) return id
      }
      return null
    },
  }
}
