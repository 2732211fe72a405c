#!/bin/sh
# What the first case of every shipped scenario comes to: verdict, checks and what was observed, events, numbers, faults, held to the
# letter against tests/cli/golden/results.txt. Scenarios say what has to be so; this says when something else has become so. A change
# that moves numbers on purpose writes the file anew (`make golden`), and its commit says which and why.
. tests/cli/lib.sh

golden=$root/tests/cli/golden/results.txt
# --only takes 32 patterns.
some=30

# The first case of each scenario of `icetank list`, of B or E where there is one.
firsts() {
  "$icetank" list scenarios | awk '$1 ~ "/" && $1 !~ /@|model=[ACD]/ {
    n = split($1, part, "/")
    name = ""
    for (i = 1; i <= n && part[i] !~ /=/; i++) name = name "/" part[i]
    if (!seen[name]++) print $1
  }'
}

# Results as lines that a person can compare: an object of a list each. Without places in the source, which move with every edit, and the
# print of all packets, which changes with every byte; of trips, their number.
told() {
  sed -n '/^{"case":/{
    s/^{"case":"\([^"]*\)".*"seed":[0-9]*,/== \1\n/
    s/,"source":{.*"lines":\[[^]]*\]}//
    s/,"fingerprint":"[^"]*"//
    s/,"trips":\[[^]]*\]//
    s/,"repeat":"[^"]*"//
    s/,"where":"[^"]*"//g
    s/},{/},\n  {/g
    s/\],"\(events\|faults\|links\|notes\|metrics\|outages\|ends\)"/],\n"\1"/g
    p
  }' "$@"
}

cd "$root" || exit 99
if [ -n "${GOLDEN:-}" ]; then firsts; else sed -n 's/^== //p' "$golden"; fi | split -l "$some" - "$work/part."
for part in "$work"/part.*; do
  set --
  while read -r id; do set -- "$@" --only "$id"; done <"$part"
  "$icetank" run scenarios "$@" --out "$part.out" --pcap none >>"$work/stdout" 2>>"$work/stderr" || echo "exit code $?" >>"$work/stderr"
  told "$part.out/results.jsonl" >>"$work/results.txt"
done
[ -z "${GOLDEN:-}" ] || cp "$work/results.txt" "$golden"

claim "the first case of every scenario is as predicted"
[ ! -s "$work/stderr" ] || wrong "$(head -n 5 "$work/stderr")"
claim "and comes to what it came to"
diff -u "$golden" "$work/results.txt" >"$work/diff" || wrong "see tests/cli/test_results.sh" "$(head -n 40 "$work/diff")"
finish
