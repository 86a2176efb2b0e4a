import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { Operator } from '../contract/release.ts'
import type { Role } from '../contract/vocabulary.ts'

const identityFileSchema = z.object({
  hostId: z.string().min(8),
  name: z.string().optional(),
  email: z.string().optional(),
})

/** Who uses this console. The name is what a person typed; the OS account is what the operating system says. Neither proves more than that. */
export interface Identity {
  readonly hostId: string
  operator(): Operator
  /** True until somebody gave name and e-mail. */
  needed(): boolean
  declare(name: string, email: string): void
  /** The role that the workspace gives this operator: by OS account first, then by declared e-mail. No roles at all: admin. Not listed: viewer. */
  role(roles: Readonly<Record<string, Role>>): Role
}

/** Reads `identity.json` of a data folder, making it at first use. In a folder that cannot be written nothing is kept. */
export function openIdentity(dataFolder: string): Identity {
  const file = join(dataFolder, 'identity.json')
  let known = read(file)
  const user = osUser()

  function save(): void {
    try {
      writeFileSync(`${file}.new`, JSON.stringify(known, null, 2), { mode: 0o600 })
      renameSync(`${file}.new`, file)
    } catch {
      // Full or read-only disk: who acts is still known for this run, and every entry says it.
    }
  }
  if (!known) {
    known = { hostId: randomBytes(8).toString('hex') }
    save()
  }
  const current = known

  return {
    hostId: current.hostId,
    operator: () => ({
      id: `${user}@${hostname()}`,
      name: current.name ?? user,
      email: current.email ?? '',
      known: current.name === undefined ? 'osUser' : 'selfDeclared',
    }),
    needed: () => current.name === undefined,
    declare(name, email) {
      current.name = name
      current.email = email
      save()
    },
    role(roles) {
      if (Object.keys(roles).length === 0) return 'admin'
      return roles[user] ?? (current.email ? roles[current.email] : undefined) ?? 'viewer'
    },
  }
}

function read(file: string): z.infer<typeof identityFileSchema> | null {
  try {
    return identityFileSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return null
  }
}

function osUser(): string {
  try {
    return userInfo().username
  } catch {
    // An account without an entry in the user database, as in some containers.
    return `uid-${process.getuid?.() ?? 'unknown'}`
  }
}
