#!/bin/sh
# What the pages say about scenarios: every example runs and comes out as predicted, every verb and event is told of.
. tests/cli/lib.sh

# Each block of a page that returns a scenario becomes FILE-N.lua.
blocks() { # PAGE, FILE
  awk -v file="$2" '
    /^```lua$/ {inside = 1; text = ""; next}
    /^```$/ {if (inside && text ~ /(^|\n)return tank\./) {n++; printf "%s", text >(file "-" n ".lua"); close(file "-" n ".lua")} inside = 0; next}
    inside {text = text $0 "\n"}
    END {print n + 0}' "$1"
}

claim "every example of the scenario page runs as it says"
n=$(blocks "$root/docs/scenarios.md" page)
[ "$n" -ge 6 ] || wrong "only $n examples found"
i=0
while [ "$i" -lt "$n" ]; do
  i=$((i + 1))
  run run page-$i.lua --out o$i --pcap none
  ends 0
  has stdout ' as predicted, 0 not, 0 errors, 0 unsupported'
done

claim "the example of the README runs as it says"
n=$(blocks "$root/README.md" readme)
[ "$n" -ge 1 ] || wrong "no example found"
run run readme-1.lua --out o --pcap none
ends 0
has stdout '1 as predicted, 0 not, 0 errors, 0 unsupported'

claim "every verb and event that lua-api prints is on the scenario page"
run lua-api
sed -n 's/^---@field \([a-z_]*\)? fun(.*/\1/p; s/^---@field \([a-z_]*\) fun(.*/\1/p' stdout | LC_ALL=C sort -u >verbs
sed -n '/^schema.events/,/^}/p' "$root/lab/lang/lua/schema.lua" | grep -oE '[a-z_]+ = \{' | sed 's/ = {//' | LC_ALL=C sort -u >events
[ "$(wc -l <verbs)" -gt 40 ] || wrong "only these verbs: $(cat verbs)"
[ "$(wc -l <events)" -gt 12 ] || wrong "only these events: $(cat events)"
cat verbs events >words
while IFS= read -r word; do
  grep -qw -e "$word" "$root/docs/scenarios.md" || wrong "not a word about: $word"
done <words

claim "every folder of sources is on the architecture page, and every file named there exists"
(cd "$root" && find base netsim lab stack/* reports conformance/* scenarios/* tests/* -maxdepth 0 -type d) >folders
while IFS= read -r f; do
  case $f in tests/bench | tests/cli | tests/oom | tests/fuzz | tests/groundtruth) ;; tests/*) continue ;; esac
  grep -qw -e "${f##*/}" "$root/docs/architecture.md" || wrong "not a word about $f"
done <folders
# shellcheck disable=SC2016 # the page's backquotes
grep -oE '`[a-z0-9_/]+\.(c|h|lua|md|txt)`' "$root/docs/architecture.md" | tr -d '`' | LC_ALL=C sort -u >named
[ "$(wc -l <named)" -gt 40 ] || wrong "only these files: $(cat named)"
while IFS= read -r f; do
  [ -n "$(find "$root/base" "$root/netsim" "$root/lab" "$root/stack" "$root/reports" "$root/conformance" "$root/scenarios" -path "*/$f")" ] || wrong "no file $f"
done <named
finish
