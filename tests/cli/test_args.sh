#!/bin/sh
# The command line: commands, options, help, exit codes.
. tests/cli/lib.sh
scenario scenarios/hello.lua <"$root/scenarios/hello.lua"

claim "no command is an error that leads to the help"
run
ends 2
says 'icetank: no command; see icetank --help'

claim "a command with two letters swapped gets the right one"
run rnu
ends 2
says 'icetank: no command "rnu"; did you mean "run"?'

claim "a word that is near no command leads to the help"
run frobnicate
ends 2
says 'icetank: no command "frobnicate"; there are run, list, replay, show, open, report, diff, export, check, oracle, nat, profiles, serve, peer, lua-api, version, help; see icetank --help'

claim "a wrong option gets the nearest right one"
run run scenarios --jbos 2
ends 2
says 'icetank: run: no option --jbos; did you mean --jobs?'

claim "an option of another command is no option of this one"
run list scenarios --jobs 2
ends 2
says 'icetank: list: no option --jobs; see icetank list --help'

claim "options are not abbreviated"
run run scenarios --job 2
ends 2
says 'icetank: run: no option --job; did you mean --jobs?'

claim "short options do not exist"
run run -j2 scenarios
ends 2
says 'icetank: run: no option -j2; options are written --name'

claim "an option without its value is an error"
run run scenarios --out
ends 2
says 'icetank: run: --out needs a value: a folder'

claim "a switch takes no value"
run show hello --ladder=yes
ends 2
says 'icetank: show: --ladder takes no value'

for bad_ in '--jobs 0' '--jobs 1025' '--jobs 2x' '--jobs -1'; do
  claim "$bad_ is out of range"
  # shellcheck disable=SC2086
  run run scenarios $bad_
  ends 2
  says "icetank: run: --jobs takes a number from 1 to 1024, not \"${bad_#--jobs }\""
done

claim "a seed is a whole number"
run run scenarios --seed 1.5
ends 2
says 'icetank: run: --seed takes a whole number from 0, not "1.5"'

claim "a seed too large for the arithmetic is refused"
run run scenarios --seed 9223372036854775807
ends 2
says 'icetank: run: --seed takes a whole number from 0, not "9223372036854775807"'

claim "--pcap takes four words"
run run scenarios --pcap some
ends 2
says 'icetank: run: --pcap takes none, first, fail or all, not "some"'

claim "--timeout takes seconds"
run run scenarios --timeout soon
ends 2
says 'icetank: run: --timeout takes a number of seconds from 0 to 86400, not "soon"'

claim "--model takes a letter"
run oracle full-cone full-cone --model F
ends 2
says 'icetank: oracle: --model takes a letter from A to E, not "F"'

claim "run wants a path"
run run
ends 2
says 'icetank: run: write icetank run PATH..., as in: icetank run scenarios/compare --out out/compare (every scenario below a folder); see icetank run --help'

claim "oracle takes two sides, not three"
run oracle a b c
ends 2
says 'icetank: oracle: "c" is too much; see icetank oracle --help'

claim "--name=value and --name value are the same, and words may stand anywhere"
run list --only=hello scenarios
ends 0
prints hello

claim "after -- everything is a word"
run list -- --only
ends 2
says 'icetank: --only: No such file or directory'

claim "help fits a terminal and has every exit code"
run --help
ends 0
for c in 0 1 2 3 4 77 130; do grep -q "^  $c " stdout || wrong "no exit code $c"; done
[ "$(wc -l <stdout)" -le 27 ] || wrong "$(wc -l <stdout) lines"

for c in run list replay show open report diff export oracle profiles serve peer lua-api version help; do
  claim "the help of $c has at most 24 lines and begins with an example"
  run "$c" --help
  ends 0
  [ "$(wc -l <stdout)" -le 24 ] || wrong "$(wc -l <stdout) lines"
  head -n 1 stdout | grep -q "^  icetank $c" || wrong "begins with: $(head -n 1 stdout)"
done

claim "help COMMAND is COMMAND --help"
run run --help
mv stdout want
run help run
ends 0
same stdout want

claim "help of what is no command says so"
run help rnu
ends 2
says 'icetank: no command "rnu"; did you mean "run"?'

claim "every option stands in the man page"
run help --man
ends 0
for o in out only seed jobs pcap timeout ladder model man; do has stdout "\\-\\-$o"; done

claim "version is one line"
run version
ends 0
prints 'icetank 0.1.0'
run --version
prints 'icetank 0.1.0'

claim "what cannot be printed is an error"
code=0
"$icetank" list scenarios >/dev/full 2>stderr || code=$?
ends 4
says 'icetank: standard output: No space left on device'

claim "profiles lists every name with kind, sentence and source, and finds by any of them"
run profiles
ends 0
for kind in nat firewall chain link handover 'timer set' 'timer of a set' carrier label model server reason path candidate parent_death status; do
  grep -qx "$kind" stdout || wrong "no $kind"
done
has stdout '  linux-masq '
has stdout '  check USE-CANDIDATE '
[ "$(grep -c '^  *source: ..' stdout)" -eq "$(grep -c '^  [A-Za-z]' stdout)" ] || wrong "a name without a source"
run profiles 'RFC 6092'
ends 0
has stdout '  stateful '
lacks stdout 'linux-masq'
run profiles --json lte
ends 0
has stdout '{"kind":"link","name":"lte","sentence":"mobile network","source":"archetype"}'
run profiles fritzbax
ends 3
says 'icetank: profiles: nothing has "fritzbax" in it'

claim "lua-api has every profile and every label as a union"
run lua-api
has stdout '---@alias NatProfile "eim-eif"|'
has stdout '---@alias PacketLabel "Binding request"|'
has stdout '---@field label? PacketLabel'
has stdout '---@field reason? DeathReason'

claim "lua-api prints the language for editors"
run lua-api
ends 0
has stdout '---@meta icetank'
has stdout '---@class Scenario'
if command -v luac5.4 >/dev/null 2>&1; then luac5.4 -p stdout 2>lint || wrong "$(cat lint)"; fi

claim "nothing on stderr when it is no terminal, and no colours in a file"
run run scenarios --out o
ends 0
says ''
prints '1 as predicted, 0 not, 0 errors, 0 unsupported
report: o/index.html'
finish
