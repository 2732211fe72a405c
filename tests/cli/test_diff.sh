#!/bin/sh
# icetank diff: two runs compared.
. tests/cli/lib.sh
mkdir -p scenarios
scenario scenarios/one.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "a call", matrix = { model = { "B", "E" } },
  run = function(t, cell)
    local call = t:call { t:host "a", t:host "b", model = cell.model }
    call:expect { "open", within = "5s" }
    t:metric { "mine", 100 }
  end }
LUA
run run scenarios/one.lua --out old --pcap none
ends 0
sed 's/"open",/"open", path = "relay_udp",/; s/"mine", 100/"mine", 120/' scenarios/one.lua >changed && mv changed scenarios/one.lua
run run scenarios/one.lua --out new --pcap none
ends 1

claim "a run compared with itself is one line, and 0"
for form in --bound=0 --bound=5; do
  run diff old old "$form"
  ends 0
  prints "no difference"
done
run diff old old --markdown
ends 0
prints "**icetank diff:** no difference"

claim "what changed is told with what was expected, a command, and 1"
run diff old new
ends 1
has stdout "2 cases are worse, "
has stdout "  one  model B  1 case: pass, direct_udp -> fail, direct_udp: expect"
has stdout "      expected  open path=relay_udp"
has stdout " show one/model=B --out new"
has stdout "      in all    100 -> 120 (+20.0 %)"

claim "the command that it prints shows the case"
run show one/model=B --out new
ends 0
has stdout "relay_udp"

claim "a bound leaves out what moved by no more"
run diff old new --bound 20
lacks stdout "mine"
run diff old new --bound 19
has stdout "mine"

claim "the other way round it is better"
run diff new old
ends 1
has stdout "2 cases are better"

claim "equal runs give equal bytes, in every form"
cp -r old old2
run diff old new --json
cp stdout json
run diff old new --json
same stdout json
run diff old new --html one.html
run diff old new --html two.html
same one.html two.html
has one.html "<h1>What changed between two runs</h1>"
lacks one.html "http"
if command -v jq >/dev/null 2>&1; then
  [ "$(jq -r '.changed, .counts.worse, .cases[0].case, .cases[0].new.verdict, (.numbers[] | select(.number == "mine" and .model == "E") | .sum[1])' json | tr '\n' ' ')" = "true 2 one/model=B fail 120 " ] ||
    wrong "$(head -c 600 json)"
fi

claim "what cannot be read is 2, and a page that cannot be written 4"
run diff old nowhere
ends 2
says "icetank: nowhere/results.jsonl: No such file or directory"
mkdir odd && echo '{"no":"case"}' >odd/results.jsonl
run diff odd old
ends 2
says "icetank: odd/results.jsonl:1: not a line of results"
cat old/results.jsonl old/results.jsonl >odd/results.jsonl
run diff old odd
ends 2
says 'icetank: odd/results.jsonl: case "one/model=B" is there twice'
run diff old
ends 2
run diff old new --json --markdown
ends 2
says "icetank: diff: --json and --markdown exclude each other"
run diff old new --html nowhere/page.html
ends 4

finish
