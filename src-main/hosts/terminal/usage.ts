/** Exit codes, the same for every command. Scripts may rely on them. */
export const EXIT = { ok: 0, refused: 1, usage: 2, errored: 3, unreachable: 4 } as const

/** The command line was not understood. */
export class UsageError extends Error {}

export const HELP = `signalbox: releases from a terminal

  signalbox COMMAND [arguments] [options]

Look
  status                       every service: live, idle, traffic, health, what waits for you
  versions SERVICE             versions that could be deployed
  log SERVICE ENVIRONMENT      output of blue or green   --lines N  --follow
  audit                        the journal, newest first   --text WORDS --service NAME --operator ID --action NAME
                               --kind KIND --release ID --since DATE --until DATE --limit N

Act
  deploy SERVICE VERSION       release a version to the idle environment   --queue  --end-window  --follow
  promote SERVICE              next step   --fully: straight to 100 %; --reason when the analysis has not passed
  approve | pause | resume | retry | abandon SERVICE
  rollback SERVICE             traffic back on the last stable version, from any state
                               --force: even if it is not ready
  suspend-guard SERVICE        no automatic roll back for --minutes N (15); --reason is needed
  restore-guard SERVICE        criteria take traffic back by themselves again
  explain SERVICE              give the reason a roll back left out
  trust                        let the workspace run its commands   --yes
  start SERVICE                start again what has live traffic and was stopped (reboot, stop --all)
  upgrade                      router and supervisor of this version take over from older ones; no request is dropped
  stop --all                   stop services, router and supervisor; live traffic ends
     with any of these: --reason TEXT  --ticket ID (deploy)

Migrations
  migrations                   every migration: phase, progress, what it waits for
  migration ID                 one of them: gates, mismatches, what each act would do
  migrate ID ACT               start | advance | approve | pause | resume | step-back | roll-back | retry
                               preflight | rehearse | sql | mismatches (--limit N) | repair
                               --reason TEXT; --confirm ID for what cannot be undone

Feature flags
  flags [SOURCE]               every flag: who gets it, its rollout, whether it is stale
  flags references             where the code still names which flag, searched now
  flag FLAG                    one of them: rules, stages, what each act would do
  flag FLAG preview            what a user gets, and why   --context '{"targetingKey": "user-1"}'
  rollout FLAG ACT             start | advance | approve | pause | resume | rollback | finish | abandon | retry
                               --variant NAME: the one that is rolled out, or that everyone gets in the end
  kill FLAG                    everyone gets the safe variant, now; needs no console
     with any of these: --source NAME when several sources have the flag; --reason TEXT

Blue and green with a database each
  pair SERVICE ACT             status | check | compare | set-up | switch | cancel | tear-down
                               --side blue|green: the one that takes the writes   --no-copy: rows are there  --reason TEXT

Journal
  verify                       check the whole chain
  export                       --format jsonl|csv  --out FILE  and the filters of audit
     audit, verify and export   --audit FILE: of a journal or backup anywhere, opened read-only
  backup FILE | restore FILE   copy the journal; put a copy in its place

Console
  open                         a new address for the browser, from the running console   --no-open
  serve                        run the console without opening a browser   --port N  --trust

Everywhere
  --workspace FILE             without it ./signalbox.yaml, else the demo
  --data DIR                   where journal and settings are kept
  --json                       one JSON document on stdout; messages on stderr
  --timeout SECONDS            how long to follow an act until it is verified (120)
  --help

Exit codes: 0 done, 1 refused by a rule, 2 not understood, 3 something broke, 4 no connection or data folder in use.
Acts go through the running console, or straight to the services when none runs: a roll back and the kill switch need no console.`
