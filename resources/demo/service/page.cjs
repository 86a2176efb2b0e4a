// What a person sees who opens a demo service in a browser: which version answered, and, asking again four times a second,
// who answers now. During a shift the strip shows the weights.

const escape = (text) => String(text).replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

function page(who, manifest) {
  const changes = manifest.changes.map((change) => `<li>${escape(change)}</li>`).join('')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escape(who.service)} ${escape(who.version)} on ${escape(who.environment)}</title>
<style>
  :root { color-scheme: light dark; --page: #f6f7f8; --ink: #1b1f24; --quiet: #5b6570; --line: #dde1e6; --blue: #2563c9; --green: #0b7a75; }
  @media (prefers-color-scheme: dark) { :root { --page: #14171b; --ink: #e8ebee; --quiet: #9aa4af; --line: #2b3138; --blue: #6ea3f5; --green: #4fbfb6; } }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
  main { width: min(38rem, calc(100vw - 3rem)); }
  [data-environment=blue] { --mine: var(--blue); } [data-environment=green] { --mine: var(--green); }
  main { border-top: 4px solid var(--mine, var(--quiet)); padding-top: 1.5rem; }
  h1 { margin: 0; font-size: 1.1rem; font-weight: 600; }
  .version { margin: .25rem 0 0; font: 600 clamp(2.5rem, 9vw, 4rem)/1.1 ui-monospace, monospace; letter-spacing: -.03em; }
  .where { margin: .5rem 0 1.5rem; color: var(--quiet); } .where b { color: var(--mine, inherit); }
  ul { margin: 0 0 1.5rem; padding-left: 1.1rem; }
  .strip { display: grid; grid-template-columns: repeat(40, 1fr); gap: 3px; height: 1.5rem; }
  .strip i { background: var(--line); border-radius: 2px; } .strip i.blue { background: var(--blue); } .strip i.green { background: var(--green); align-self: end; height: 60%; } .strip i.failed { background: none; outline: 1px dashed var(--quiet); outline-offset: -1px; }
  .now { margin: .5rem 0 0; color: var(--quiet); font-variant-numeric: tabular-nums; min-height: 1.5em; }
</style>
<main data-environment="${escape(who.environment)}">
  <h1>${escape(who.service)}</h1>
  <p class="version">${escape(who.version)}</p>
  <p class="where">This page came from <b>${escape(who.environment)}</b>. ${escape(manifest.title)}.</p>
  <ul>${changes}</ul>
  <div class="strip" aria-hidden="true">${'<i></i>'.repeat(40)}</div>
  <p class="now" role="status">Asking who answers</p>
</main>
<script>
  const cells = [...document.querySelectorAll('.strip i')], now = document.querySelector('.now'), seen = []
  setInterval(async () => {
    let one
    try { one = await (await fetch('/whoami', { cache: 'no-store' })).json() } catch { one = { environment: 'failed' } }
    seen.push(one); if (seen.length > cells.length) seen.shift()
    cells.forEach((cell, i) => { cell.className = seen[i] ? seen[i].environment : '' })
    const counts = {}
    for (const s of seen) { const name = s.version ? s.environment + ' (' + s.version + ')' : 'no answer'; counts[name] = (counts[name] ?? 0) + 1 }
    now.textContent = 'Of the last ' + seen.length + ' requests from here: ' + Object.entries(counts).map(([name, n]) => n + ' by ' + name).join(', ') + '.'
  }, 250)
</script>
</html>
`
}

module.exports = { page }
