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

claim "every first step runs as the page says"
n=$(blocks "$root/docs/start.md" start)
[ "$n" -ge 7 ] || wrong "only $n examples found"
i=0
while [ "$i" -lt "$n" ]; do
  i=$((i + 1))
  run run start-$i.lua --out s$i --pcap none
  if grep -q '"a cut wire is nothing to worry about"' start-$i.lua; then
    ends 1
    has stdout 'expected  death not during 40s'
  else
    ends 0
    has stdout '1 as predicted, 0 not, 0 errors, 0 unsupported'
  fi
done

claim "the first steps print what the page shows, to the letter"
# What the page shows behind "$ build/icetank run FILE", up to the next command or the end of the block.
shown() {
  awk -v command="    \$ build/icetank run $1" '
    inside && (!/^    / || /^    \$/) {exit}
    inside {print substr($0, 5)}
    index($0, command) == 1 {inside = 1}' "$root/docs/start.md"
}
mkdir -p build
ln -s "$icetank" build/icetank
icetank_before=$icetank icetank=build/icetank
cp start-1.lua mine.lua
cp start-2.lua cut.lua
sed 's/linux-masq/linux-mask/' start-1.lua >typo.lua
for f in mine cut typo; do
  run run $f.lua
  says ''
  [ "$(shown $f.lua | wc -l)" -ge 2 ] || wrong "the page does not show what $f.lua prints"
  prints "$(shown $f.lua)"
done
icetank=$icetank_before

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

claim "every section that a page sends its reader to is there"
for page in "$root"/README.md "$root"/CONTRIBUTING.md "$root"/docs/*.md; do
  tr '\n' ' ' <"$page" | grep -oE '\[[a-z/]+\.md\]\([a-z./]+\.md\), "[^"]+"' | sed 's/.*(\(.*\)), "\(.*\)"/\1 \2/' >sections || :
  while read -r file section; do
    grep -qxF -e "## $section" -e "### $section" "${page%/*}/$file" || wrong "${page##*/}: no section \"$section\" in $file"
  done <sections
done

claim "every room is in the picture of the architecture page, and every file named there exists"
sed -n 's/^\([a-z][a-z0-9/]*\)  *|.*/\1/p' "$root/.ci/rooms.list" >rooms
[ "$(wc -l <rooms)" -gt 30 ] || wrong "only these rooms: $(cat rooms)"
while IFS= read -r room; do
  grep -qw -e "${room##*/}" "$root/docs/architecture.md" || wrong "not a word about $room"
done <rooms
# shellcheck disable=SC2016 # the page's backquotes
grep -oE '`[a-z0-9_/]+\.(c|h|lua|md|txt)`' "$root/docs/architecture.md" | tr -d '`' | LC_ALL=C sort -u >named
[ "$(wc -l <named)" -ge 8 ] || wrong "only these files: $(cat named)"
while IFS= read -r f; do
  [ "$f" = impl.h ] || [ -e "$root/$f" ] || wrong "no file $f"
done <named
[ "$(wc -l <"$root/docs/architecture.md")" -le 80 ] || wrong "the page is longer than what the folders do not say"
finish
