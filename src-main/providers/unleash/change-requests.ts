import { z } from 'zod'
import type { JsonObject, JsonValue } from '../../contract/flag-definition.ts'
import { jsonDigest } from '../json-digest.ts'
import type { UnleashClient } from './client.ts'
import { contentOf } from './model.ts'
import type { Step } from './steps.ts'

const configSchema = z.array(z.object({ environment: z.string(), changeRequestEnabled: z.boolean() }))
const requestSchema = z.object({ id: z.number(), title: z.string().nullish(), state: z.string(), environment: z.string() })

/**
 * Change requests, which only Unleash Enterprise has: never run against it. Paths and shapes are those its own web
 * interface (8.2) calls.
 */
export interface ChangeRequests {
  /** Whether changes of this environment have to be approved. */
  needed(environment: string): Promise<boolean>
  /** Puts the steps up for approval, once: the same again answers with what is there. */
  submit(environment: string, key: string, steps: readonly Step[], comment: string): Promise<{ readonly what: string; readonly url: string }>
}

export function createChangeRequests(client: UnleashClient, base: string, projectName: string): ChangeRequests {
  const project = `/api/admin/projects/${encodeURIComponent(projectName)}`
  const place = (environment: string): string => `${project}/environments/${encodeURIComponent(environment)}/change-requests`

  return {
    async needed(environment) {
      const answer = await client.ask('GET', `${project}/change-requests/config`)
      // Editions without change requests have no such path.
      const config = answer.status === 200 ? configSchema.safeParse(answer.body) : null
      return config?.success === true && config.data.some((one) => one.environment === environment && one.changeRequestEnabled)
    },
    async submit(environment, key, steps, comment) {
      const changes = steps.map((step) => ({ feature: key, ...changeOf(step) }))
      const mark = `[signalbox ${jsonDigest([environment, changes]).slice(0, 8)}]`
      const pending = await client.ask('GET', `${project}/change-requests/pending/${encodeURIComponent(key)}`)
      const known = pending.status === 200 ? z.array(requestSchema).safeParse(pending.body) : null
      const same = known?.data?.find((one) => one.environment === environment && one.state !== 'Draft' && (one.title ?? '').includes(mark))
      if (same) return told(same.id)
      let id: number | null = null
      for (const change of changes) {
        const answer = await client.ask('POST', place(environment), change)
        const draft = requestSchema.pick({ id: true }).safeParse(answer.body)
        if (answer.status >= 300 || !draft.success) throw client.refusal(answer)
        id = draft.data.id
      }
      const path = `${project}/change-requests/${id ?? ''}`
      for (const [part, body] of [['title', { title: `${comment} ${mark}`.trim() }], ['state', { state: 'In review', comment }]] as const) {
        const answer = await client.ask('PUT', `${path}/${part}`, body)
        if (answer.status >= 300) throw client.refusal(answer)
      }
      return told(id ?? 0)
    },
  }

  function told(id: number): { readonly what: string; readonly url: string } {
    return { what: `Change request ${id} in Unleash waits for approval`, url: `${base}/projects/${encodeURIComponent(projectName)}/change-requests/${id}` }
  }
}

function changeOf(step: Step): { readonly action: string; readonly payload: JsonValue } {
  switch (step.do) {
    case 'switch':
      return { action: 'updateEnabled', payload: { enabled: step.on } }
    case 'add':
      return { action: 'addStrategy', payload: contentOf(step.strategy) }
    case 'change':
      return { action: 'updateStrategy', payload: { id: step.from.id, ...(contentOf(step.to) as JsonObject) } }
    case 'remove':
      return { action: 'deleteStrategy', payload: { id: step.id } }
  }
}
