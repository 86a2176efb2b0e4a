import { Client } from 'pg'
import type { Access } from './access.ts'
import { TENANTS } from './shape.ts'
import { compareAll, SHARING } from './statements.ts'

/**
 * A table with what applications have: a parent whose rows take theirs along, an index on a column that is replaced, a
 * trigger of the application's own, a default. And the control table, which no migration knows.
 */
export const BASE_SQL = `
CREATE SCHEMA stress;
CREATE TABLE public.tenants (id int PRIMARY KEY);
CREATE TABLE public.customers (
  id int PRIMARY KEY,
  tenant_id int NOT NULL REFERENCES public.tenants (id) ON DELETE CASCADE ON UPDATE CASCADE,
  full_name text NOT NULL,
  email text,
  credit text DEFAULT '0.00'
);
COMMENT ON COLUMN public.customers.credit IS 'dollars';
CREATE INDEX customers_credit ON public.customers (credit);
CREATE INDEX customers_tenant ON public.customers (tenant_id);
CREATE FUNCTION public.lower_email() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.email := lower(NEW.email); RETURN NEW; END $$;
CREATE TRIGGER lower_email BEFORE INSERT OR UPDATE OF email ON public.customers FOR EACH ROW EXECUTE FUNCTION public.lower_email();
CREATE TABLE stress.control (id int PRIMARY KEY, first text NOT NULL, last text NOT NULL, email text NOT NULL, cents int NOT NULL);
`

/** Makes the tables with so many customers, ids 1 to that. */
export async function makeDatabase(url: string, customers: number): Promise<readonly number[]> {
  await withClient(url, async (client) => {
    await client.query(BASE_SQL)
    await client.query(`INSERT INTO public.tenants (id) SELECT generate_series(0, ${TENANTS - 1})`)
    await client.query(`INSERT INTO stress.control SELECT g, 'First' || g, 'Last' || g % 97, 'seed' || g || '@example.test', g * 37 % 100000 FROM generate_series(1, ${customers}) g`)
    await client.query(
      `INSERT INTO public.customers SELECT id, id % ${TENANTS}, first || ' ' || last, email, (cents / 100)::text || '.' || lpad((cents % 100)::text, 2, '0') FROM stress.control`,
    )
    await client.query('ANALYZE')
  })
  return Array.from({ length: customers }, (_, i) => i + 1)
}

export interface Compared {
  /** As seen through: search path and table. */
  readonly through: string
  readonly rows: number
  readonly lost: number
  readonly extra: number
  readonly diverged: number
}

/** Every table of every way there is, against the control table. Each is one statement, so it holds under writers too. */
export async function compareWithControl(url: string, accesses: readonly Access[]): Promise<readonly Compared[]> {
  return withClient(url, async (client) => {
    const results: Compared[] = []
    for (const { shape, searchPath } of accesses) {
      await client.query(`BEGIN; SET LOCAL search_path TO ${searchPath}; ${SHARING}`)
      for (const table of shape) {
        const { rows } = await client.query(compareAll(table))
        results.push({ through: `${searchPath}: ${table.name}`, ...rows[0] })
      }
      await client.query('COMMIT')
    }
    return results
  })
}

export function wrongRows(compared: readonly Compared[]): number {
  return compared.reduce((sum, { lost, extra, diverged }) => sum + lost + extra + diverged, 0)
}

export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'stress-oracle' })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}
