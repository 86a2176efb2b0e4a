// The demo runs four to eight small processes at once, and its bar is 600 MB for everything. CommonJS instead of modules
// saves each 13 MB; leaving V8's optimising compilers out saves 15 MB more, for one percent of a core.
const { setFlagsFromString } = require('node:v8')

for (const flag of ['--no-opt', '--no-maglev']) setFlagsFromString(flag)
