#!/bin/sh
# What the README says of the nine NAT classes, counted from the results of the comparison itself.
. tests/cli/lib.sh

# direct SESSION: unordered pairs of classes that opened directly in results.jsonl; "odd" for a pair whose two orders differ
direct() {
  sed -n 's|.*"case":"compare/connectivity/classes/far=\([a-z-]*\)/model=[A-E]/near=\([a-z-]*\)/session=\([a-z]*\)".*"path":\([a-z_"]*\).*|\3 \1 \2 \4|p' \
    o/results.jsonl | awk -v session="$1" '
    $1 == session { key = $2 < $3 ? $2 " " $3 : $3 " " $2; seen[key]++; if ($4 == "\"direct_udp\"") open[key]++ }
    END { for (k in seen) { n++; whole = seen[k]; if (open[k] && open[k] != whole) odd++; d += open[k] > 0 }
      printf "%d of %d%s\n", d, n, odd ? " odd" : "" }'
}
for model in B E; do
  claim "model $model: 31 of 45 pairs of classes connect directly, 23 without inbound sessions"
  cd "$root" || exit 99
  code=0
  "$icetank" run scenarios/compare/connectivity.lua --only "compare/connectivity/classes/*/model=$model/**" --out "$work/o" --pcap none \
    >"$work/stdout" 2>"$work/stderr" || code=$?
  cd "$work" || exit 99
  ends 0
  has stdout '162 as predicted, 0 not, 0 errors'
  [ "$(direct yes)" = "31 of 45" ] || wrong "with sessions: $(direct yes)"
  [ "$(direct no)" = "23 of 45" ] || wrong "without: $(direct no)"
done
claim "icetank nat counts profiles and verdicts"
code=0
"$icetank" nat linux-masq full-cone >stdout 2>stderr || code=$?
ends 0
verdicts=$(tail -n 1 stdout | sed -n 's/^declared = measured for 2 of 2 profiles; \([0-9]*\) of \([0-9]*\) verdicts .*/\1 \2/p')
case $verdicts in
  "152 152") ;;
  *) wrong "$(tail -n 1 stdout)" ;;
esac
finish
