#!/usr/bin/env node
// The `signalbox` command: the terminal, under a Node that can run it.
import { fileURLToPath } from 'node:url'

const [node = 'node', self, ...args] = process.argv
process.argv = [node, self ?? '', 'node', fileURLToPath(new URL('../src-main/hosts/terminal/main.ts', import.meta.url)), ...args]
await import('./run.mjs')
