// A smoke test as a command: run by Signalbox with PREVIEW_URL in its environment. Exit code 0 passes.
const words = ['tea', 'kettle', 'cup', 'filter', 'green tea', 'honey']
for (const [index, word] of [...words, ...words].entries()) {
  const answer = await fetch(`${process.env.PREVIEW_URL}/search?q=${encodeURIComponent(word)}`)
  const { results, query } = answer.ok ? await answer.json() : {}
  if (query !== word || !(results?.length > 0)) {
    console.error(`search ${index + 1} for “${word}”: status ${answer.status}, ${results?.length ?? 0} results`)
    process.exit(1)
  }
  console.log(`search ${index + 1} for “${word}”: ${results.length} results`)
}
