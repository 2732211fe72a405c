#!/bin/sh
# Named populations and what is made of many drawn pairs: shares, quantiles, intervals, sensitivity to weights.
. tests/cli/lib.sh

mkdir -p scenarios
survey() { # file, population, pairs
  cat >"scenarios/$1.lua" <<LUA
local tank = require "icetank"
local population = require "lib.population"
return tank.hypothesis { "a survey", claim = "nobody", tables = "survey",
  matrix = { model = { "B", "D" }, pair = tank.draw { pairs = $3, from = "$2" } },
  predict = { { "connected", at_least = "1%" } }, run = population.case }
LUA
}

claim "a name that no population has is an error with the nearest one"
survey bad strangres 2
run run scenarios/bad.lua --out out
ends 2
has stderr 'no population "strangres"; did you mean "strangers"?'

claim "tables that lack an axis are an error when the file is loaded"
sed 's/pair = .*/pair = { "01" } },/' scenarios/bad.lua >scenarios/axis.lua
run run scenarios/axis.lua --out out
ends 2
has stderr 'hypothesis.tables: a survey is of two axes, one of them pair = tank.draw'
sed 's/"survey"/"curves"/; s/strangres/strangers/' scenarios/bad.lua >scenarios/curves.lua
run run scenarios/curves.lua --out out
ends 2
has stderr 'hypothesis.tables: curves are of the axes model, timers and weather'
sed 's/"survey"/"survye"/; s/strangres/strangers/' scenarios/bad.lua >scenarios/word.lua
run run scenarios/word.lua --out out
ends 2
has stderr 'did you mean "survey"?'

claim "populations are listed with a sentence and a source"
run profiles strangers
ends 0
has stdout "two who happen to meet"
has stdout "source: archetype of shares"

claim "a survey is the same with any number of workers, and a larger population begins with the smaller"
survey eight office 8
run run scenarios/eight.lua --out one --jobs 1 --pcap none --no-report
ends 0
run run scenarios/eight.lua --out two --jobs 2 --pcap none --no-report
cmp one/results.jsonl two/results.jsonl || wrong "results differ"
survey eight office 4
run run scenarios/eight.lua --out four --jobs 1 --pcap none --no-report
ends 0

claim "its numbers are those of the cases: shares, the least value that a share of them reaches, intervals around them"
python3 - <<'PY' || wrong "numbers"
import json
def read(d):
    cases, end = {}, None
    for line in open(d + "/results.jsonl"):
        o = json.loads(line)
        if "case" in o: cases[(o["cell"]["model"], o["cell"]["pair"])] = o
        if "end" in o: end = o
    return cases, end["hypotheses"][0]["tables"]
cases, tables = read("one")
few, _ = read("four")
for (model, pair), o in few.items():
    same = cases[(model, pair)]
    assert same["metrics"] == o["metrics"], (model, pair)
by = {t["title"]: t for t in tables}
for n in by["Connected, by path"]["numbers"]:
    mine = [o["metrics"] for (m, _), o in cases.items() if m == n["model"]]
    for path in ("direct_udp", "relay_udp", "direct_tcp", "relay_tcp", "none"):
        want = sum(m["path_" + path] for m in mine) * 1000000 // len(mine)
        assert n[path]["value"] == want and n[path]["low"] <= want <= n[path]["high"], (n, path)
for n in by["Time to connect"]["numbers"]:
    mine = sorted(o["metrics"]["t_conn"] for (m, _), o in cases.items() if m == n["model"] and "t_conn" in o["metrics"])
    for share in (50, 95, 99):
        want = mine[-(-len(mine) * share // 100) - 1]
        assert n["p%d" % share]["value"] == want, (n, share)
rows = by["Sensitivity to the weights: connected directly"]["numbers"]
assert any(r["more"] != 0 for r in rows)
# a wall that blocks UDP: the more of them, the fewer connect directly
walls = [r for r in rows if r["row"] == "none" and r["of"] == "office firewall"]
assert walls and all(r["more"] >= 0 >= r["less"] for r in walls), walls
PY
has stdout "Sensitivity to the weights"

claim "the report has its tables"
run report one
ends 0
has one/index.html "Sensitivity to the weights: connected directly"
finish
