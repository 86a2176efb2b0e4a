import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKeyFinder } from './find-keys.ts'
import { listFiles } from './list-files.ts'
import { scanFlagReferences } from './scan-flag-references.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'signalbox-references-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function write(files: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
}
const listed = (): string[] => [...listFiles(root)].flatMap(({ files }) => files.map((file) => relative(root, file))).toSorted()

describe('which files', () => {
  it('are those git would list, nested and negated rules included', () => {
    const names = ['a.ts', 'a.log', 'keep.log', 'build/x.ts', 'src/build/x.ts', 'src/build.ts', 'src/deep/er/x.gen.ts', 'src/gen/x.ts', 'docs/a.md', 'docs/in/b.md', 'docs/in/keep.md', 'tmp/a', 'tmp/sub/b', 'x/tmp/a', '#odd', 'sp ace ', 'br[1].ts', 'b1.ts', 'b2.ts', 'bx.ts', 'foo/bar/baz.txt', 'foo/qux/bar/baz.txt', '.hidden/a.ts', 'q?.ts', 'vendor/a/keep.ts']
    write(Object.fromEntries(names.map((name) => [name, 'x'])))
    write({
      '.gitignore': '# comment\n*.log\n!keep.log\n/build/\n*.gen.ts\n\\#odd\nsp ace\\ \nb[12].ts\nbr\\[1\\].ts\nfoo/**/baz.txt\n**/gen/**\nvendor/\n!vendor/a/keep.ts\nq\\?.ts\n',
      'docs/.gitignore': '*.md\n!in/\n',
      'docs/in/.gitignore': '!keep.md\r\n',
      'tmp/.gitignore': '*\n!.gitignore\n!sub/\n',
      'src/.gitignore': 'build\n',
    })
    execFileSync('git', ['init', '-q'], { cwd: root })
    const git = execFileSync('git', ['ls-files', '-z', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).split('\0').filter((name) => name !== '').toSorted()
    expect(listed()).toEqual(git)
    expect(git.length).toBeGreaterThan(8)
    expect(git.length).toBeLessThan(names.length + 5)
  })

  it('leave out node_modules, git’s own and links, and name folders that cannot be read', async () => {
    write({ 'a.ts': '"k"', 'node_modules/x/a.ts': '"k"', '.git/a': '"k"', 'b/c.ts': '"k"' })
    symlinkSync(join(root, 'b'), join(root, 'link'))
    symlinkSync(root, join(root, 'b', 'loop'))
    expect(listed()).toEqual(['a.ts', 'b/c.ts'])
    expect(await scanFlagReferences([join(root, 'nowhere')], ['k'])).toMatchObject({ files: 0, unreadable: [join(root, 'nowhere')] })
  })
})

describe('keys', () => {
  const many = Array.from({ length: 500 }, (_, index) => `other-${index}`)

  it.each([
    ['one key', []],
    ['among 500', many],
  ])('are found between equal quotes with line, column and text: %s', (_name, more) => {
    const source = Buffer.from(['const a = client.getBooleanValue("new-checkout", false)', "  if flags.on('new-checkout'):", 'x = `new-checkout`', '"flags": {"new-checkout": {}}', 'new-checkout: true', '"new-checkout-2" "a new-checkout" \'new-checkout" "my.new-checkout"', 'ü "new-checkout"', '""new-checkout""'].join('\n'))
    expect(createKeyFinder(['new-checkout', ...more]).find(source).map(({ line, column }) => [line, column])).toEqual([[1, 35], [2, 16], [3, 6], [4, 12], [7, 5], [8, 3]])
    expect(createKeyFinder(['new-checkout', ...more]).find(source)[1]).toEqual({ key: 'new-checkout', line: 2, column: 16, text: "if flags.on('new-checkout'):" })
    expect(createKeyFinder(['nowhere', ...more]).find(source)).toEqual([])
  })

  it('are found the same way by both searches, over random texts', () => {
    const pieces = ['"', "'", '`', 'a', 'ab', 'a-b', '\n', ' ', 'ü', 'c']
    let seed = 7
    const next = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % below
    }
    const keys = ['a-b', 'ü']
    const [few, all] = [createKeyFinder(keys), createKeyFinder([...keys, ...many])]
    let found = 0
    for (let round = 0; round < 2000; round += 1) {
      const text = Buffer.from(Array.from({ length: 30 }, () => pieces[next(pieces.length)]).join(''))
      const places = few.find(text)
      expect(all.find(text)).toEqual(places)
      found += places.length
    }
    expect(found).toBeGreaterThan(500)
  })
})

describe('scanning', () => {
  it('reports by key, skips binary and huge files, and says what it did not look at', async () => {
    write({ 'src/a.ts': 'on("x")\n\nif (on("x") && on("y"))', 'b.py': "flag('x')", 'c.bin': Buffer.concat([Buffer.from('"x"'), Buffer.alloc(10)]), 'huge.json': `"x"${' '.repeat(4 * 1024 * 1024)}` })
    const scan = await scanFlagReferences([root, join(root, 'src')], ['x', 'y', 'z'])
    expect([...scan.references].map(([key, list]) => [key, list.map(({ file, line, column }) => `${relative(root, file)}:${line}:${column}`)])).toEqual([
      ['x', ['b.py:1:7', 'src/a.ts:1:5', 'src/a.ts:3:9']],
      ['y', ['src/a.ts:3:20']],
      ['z', []],
    ])
    expect(scan).toMatchObject({ files: 4, binary: 1, tooLarge: [join(root, 'huge.json')], truncated: false })
    expect(await scanFlagReferences([root], ['x'], { maxReferences: 1 })).toMatchObject({ truncated: true })
  })

  it('names files that cannot be read', async () => {
    write({ 'a.ts': '"x"' })
    // The administrator reads everything.
    chmodSync(join(root, 'a.ts'), 0)
    const scan = await scanFlagReferences([root], ['x'])
    expect(scan.unreadable).toEqual(process.getuid?.() === 0 ? [] : [join(root, 'a.ts')])
  })

  it('is cancelled', async () => {
    for (let index = 0; index < 500; index += 1) write({ [`f${index % 20}/${index}.ts`]: '"x"\n'.repeat(2000) })
    const controller = new AbortController()
    const pending = scanFlagReferences([root], ['x'], { signal: controller.signal, threads: 1 })
    controller.abort(new Error('no longer wanted'))
    await expect(pending).rejects.toThrow('no longer wanted')
    await expect(scanFlagReferences([root], ['x'], { signal: controller.signal })).rejects.toThrow('no longer wanted')
  })
})
