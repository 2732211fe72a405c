#!/bin/sh
# One case by its id: replay, show, its ladder. The oracle. Reports of a folder.
. tests/cli/lib.sh
scenario scenarios/hello.lua <"$root/scenarios/hello.lua"
scenario scenarios/deep/pair.lua <<'LUA'
local tank = require "icetank"
return { a = tank.scenario { "a pair", matrix = { far = { "full-cone", "symmetric" } }, seeds = 2,
  run = function(t, cell)
    local call = t:call { t:host { "near", behind = "linux-masq" }, t:host { "far", behind = cell.far }, model = "B", carrier = "instant" }
    call:expect { "open", within = "5s" }
  end } }
LUA
run run scenarios --out out
pair=deep/pair/a/far=full-cone

claim "replay runs a case again and finds it identical, also under its second seed"
for id in hello $pair $pair@2; do
  run replay "$id"
  ends 0
  has stdout "$id: identical"
done
has stdout "  capture      out/replay/cases/deep,pair,a,far=full-cone@2.pcapng"
[ -s out/replay/cases/deep,pair,a,far=full-cone@2.pcapng ] || wrong "it is not there"

claim "replay changes nothing in the folder of the run but its own part"
find out -type f ! -path 'out/replay/*' -exec cksum {} + >before
run replay hello
find out -type f ! -path 'out/replay/*' -exec cksum {} + >after
same before after

claim "a failed case replays as well"
run replay deep/pair/a/far=symmetric
ends 0
has stdout 'deep/pair/a/far=symmetric: identical'

claim "replay of a scenario that has changed says what differs and ends with 4"
cp scenarios/hello.lua keep.lua
sed -i 's/voice/none/' scenarios/hello.lua
run replay hello
ends 4
has stdout 'hello: DIFFERENT in its fingerprint'
cp keep.lua scenarios/hello.lua

claim "replay notices a result that was tampered with"
cp -r out forged
sed -i 's/"t_conn":[0-9]*/"t_conn":1/' forged/results.jsonl
run replay hello --out forged
ends 4
has stdout 'hello: DIFFERENT in its metrics'

claim "replay without results says that there is nothing to compare with"
run replay hello --out elsewhere
ends 0
has stdout 'hello: pass; nothing to compare with: elsewhere/results.jsonl has no result of it'

claim "under another seed there is nothing to compare with either"
run replay hello --seed 7
ends 0
has stdout 'out/results.jsonl has no result of it under this seed'

claim "a run under seed 5 replays under seed 5 without being told"
run run scenarios/deep --out five --seed 5
run replay $pair@2 --out five
ends 0
has stdout 'identical'

claim "a scenario outside scenarios/ is named by its path"
cp scenarios/hello.lua own.lua
run replay own own.lua --out elsewhere
ends 0
has stdout 'own: pass'

claim "an id that is nearly right gets the right one, from results or from scenarios"
run replay deep/pair/a/far=ful-cone
ends 2
says 'icetank: no case "deep/pair/a/far=ful-cone" in scenarios/deep/pair.lua; did you mean deep/pair/a/far=full-cone?'
run show helo
ends 2
says 'icetank: no case "helo"; did you mean hello?'

claim "an id that is near nothing leads to the list"
run replay no/such/case
ends 2
says 'icetank: no case "no/such/case"; icetank list scenarios prints all there are; of a scenario elsewhere write its file behind the id'

claim "results that are none are one clear line"
mkdir junk
echo 'no json' >junk/results.jsonl
run show hello --out junk
ends 2
has stderr 'icetank: junk/results.jsonl:1: not a line of results'
run report junk
ends 2

claim "a report of a folder without results is one clear line"
run report nowhere
ends 2
says 'icetank: nowhere/results.jsonl: No such file or directory'

claim "an input that is not there, or is none, is a wrong command line whatever the command"
mkdir -p bare
for words in 'run nowhere' 'run nowhere.lua' 'list nowhere' 'replay hello nowhere' 'show nope nowhere' 'report nowhere' 'report bare' \
  'report junk' 'export nowhere o.pcap' 'export junk/results.jsonl o.pcap' 'export bare o.pcap' 'oracle nowhere full-cone' 'nat nowhere' \
  'help nowhere'; do
  # shellcheck disable=SC2086
  run $words
  ends 2
  [ "$(wc -l <stderr)" -eq 1 ] || wrong "$words: not one line" "$(cat stderr)"
  [ ! -s stdout ] || wrong "$words: it printed something"
  [ ! -e o.pcap ] || wrong "$words: it wrote something"
done

claim "what cannot be written is no wrong command line"
mkdir -p sealed && cp out/results.jsonl sealed && mkdir sealed/junit.xml
run report sealed
ends 4
says 'icetank: sealed/junit.xml: Is a directory'

claim "a report can be made again, byte for byte, and ends as its run did"
cp out/junit.xml out/index.html .
run report out
ends 1
same junit.xml out/junit.xml
same index.html out/index.html

claim "a case replayed from another folder is identical: where its file is makes no difference"
(mkdir -p elsewhere && cd elsewhere && "$icetank" replay deep/pair/a/far=symmetric ../scenarios/deep/pair.lua --out ../out >../stdout 2>../stderr) || wrong "exit code $?"
has stdout 'identical'

claim "from another folder the file is found as it lies beside the results"
(cd elsewhere && "$icetank" replay deep/pair/a/far=symmetric --out ../out >../stdout 2>../stderr) || wrong "exit code $?"
has stdout 'identical'
(cd elsewhere && "$icetank" replay deep/pair/a/far=symmetric --out "$work/out" >../stdout 2>../stderr) || wrong "exit code $?"
has stdout 'identical'
claim "a file that is nowhere is named, with what to do"
mkdir -p moved && cp -r out moved/out && mv scenarios/deep deep-away
code=0
(cd moved && "$icetank" replay deep/pair/a/far=symmetric >../stdout 2>../stderr) || code=$?
ends 2
says 'icetank: scenarios/deep/pair.lua: No such file or directory; name the file behind the id'
mv deep-away scenarios/deep

claim "show prints what was expected and observed, and how to repeat it"
run show deep/pair/a/far=symmetric
ends 0
has stdout 'FAIL  deep/pair/a/far=symmetric   seed 1'
has stdout '  BROKEN   expect   scenarios/deep/pair.lua:5'
has stdout '      expected  open within 5s'
has stdout '  oracle   death: EIM/APDF and APDM/APDF never let each other in'
has stdout '  capture  out/cases/deep,pair,a,far=symmetric.pcapng'
has stdout "  repeat   $icetank run scenarios/deep/pair.lua --only 'deep/pair/a/far=symmetric' --seed 1 --pcap all"

claim "show runs a case that has no result"
run show hello --out elsewhere
ends 0
has stdout 'PASS  hello   seed 1'

claim "a ladder has a column for every host and box, in the order of the path"
run show $pair --ladder
ends 0
grep -q '^ *t/ms *near *near-gw *stun *far-gw *far$' stdout || wrong "$(grep t/ms stdout)"
has stdout '|--Binding request->|------------------>|'
has stdout '|<------------------|<-Binding success--|'
has stdout "|~~signal~~~~~~~~~~~|~~~~~~~~~~~~~~~~~~~|~~~~~~~~~~~~~~~~~~~|~~~~~~~~~~~~~~~~~~>|"

claim "a ladder shows drops with box, rule and RFC section"
run show deep/pair/a/far=symmetric --ladder
ends 0
has stdout 'x far-gw: '
grep -q 'x far-gw: .*(RFC 4787 ' stdout || wrong "no RFC section"

claim "a ladder is drawn from a trace that is not kept by running the case again"
run run scenarios/hello.lua --out bare --pcap none
run show hello --ladder --out bare
ends 0
has stdout 't/ms'
[ -s bare/replay/cases/hello.trace.jsonl ] || wrong "no trace"

claim "a trace that is none is one clear line"
echo nonsense >out/cases/hello.trace.jsonl
run show hello --ladder
ends 4
says "icetank: out/cases/hello.trace.jsonl:1: not a line of a trace: '[' or '{' expected near 'nonsense'"

claim "the oracle says what must happen, why, and over which candidates"
run oracle linux-masq full-cone
ends 0
prints 'linux-masq - full-cone, model B: open over direct_udp
  why   EIM/APDF and EIM/EIF meet (RFC 4787 sections 4.1, 5)
  way   direct_udp: open
  near  srflx/srflx   (local/remote candidate kinds it may use)
  far   srflx/srflx   (local/remote candidate kinds it may use)
  way   direct_tcp: none, the two sides have no candidates by TCP that go together
  way   relay_udp: none, there is no TURN server
  way   relay_tcp: none, there is no TURN server
  way   relay_ws: none, there is no relay over WebSocket that both sides have
  near  reaches a server by UDP 53 443 3478, TCP 80 443 3478 5349
  far   reaches a server by UDP 53 443 3478, TCP 80 443 3478 5349'

claim "the oracle knows chains, walls and the open internet"
run oracle nat444-cgn-apdf none
ends 0
has stdout 'open over direct_udp'
run oracle udp-blocked+linux-masq full-cone
ends 0
has stdout 'udp-blocked+linux-masq - full-cone, model B: death'
has stdout '  why   UDP is blocked by near-gw'
has stdout '  near  reaches a server by TCP 80 443 3478 5349'
run oracle http-proxy-connect none
ends 0
has stdout '  near  reaches no server'
run oracle none none
ends 0
has stdout '  why   no box stands between them'

claim "the oracle knows that a chain is not the maximum of its boxes"
run oracle eim-adf+apdm-eif apdm-apdf
ends 0
prints 'eim-adf+apdm-eif - apdm-apdf, model B: open over direct_udp
  why   EIM/ADF+APDM/EIF and APDM/APDF meet (RFC 4787 sections 4.1, 5)
  way   direct_udp: open
  near  srflx/prflx   (local/remote candidate kinds it may use)
  far   prflx/srflx   (local/remote candidate kinds it may use)
  way   direct_tcp: none, the two sides have no candidates by TCP that go together
  way   relay_udp: none, there is no TURN server
  way   relay_tcp: none, there is no TURN server
  way   relay_ws: none, there is no relay over WebSocket that both sides have
  near  reaches a server by UDP 53 443 3478, TCP 80 443 3478 5349
  far   reaches a server by UDP 53 443 3478, TCP 80 443 3478 5349'

claim "what hangs on who is first, or on chance, is said to be open"
run oracle linux-masq-open-input linux-masq
ends 0
has stdout 'model B: open or death'
has stdout '  why   near-gw takes a check that comes before its host'
run oracle eim-adf cgn-symmetric-cell
ends 0
has stdout '  why   EIM/ADF and APDM/APDF meet only when far-gw gives an address twice (RFC 4787 section 4.1)'

claim "the oracle judges homes of both families"
run oracle symmetric/rfc6092 linux-masq+cgn-symmetric-cell/none
ends 0
has stdout 'open over direct_udp'
has stdout 'IPv4: APDM/APDF and EIM/APDF+APDM/APDF never let each other in'
has stdout '  by    IPv6'
run oracle none/rfc6092 linux-masq
ends 2
says 'icetank: host.behind: no NAT of IPv4 is among them, whose IPv6 ipv6 could be about'

claim "the oracle answers as the run of the same boxes does"
for far in full-cone symmetric; do
  run oracle linux-masq $far
  want=$(sed -n 's/^  why   //p' stdout)
  run show deep/pair/a/far=$far
  has stdout ": $want"
done

claim "a profile that is nearly right gets the right one"
run oracle linux-masq symetric
ends 2
says 'icetank: no profile "symetric"; did you mean "symmetric"?'
run oracle linux-masq ''
ends 2
says 'icetank: no profile ""'

claim "every model has its ways"
for m in A B C D E; do
  run oracle linux-masq full-cone --model $m
  ends 0
  has stdout "model $m: open over direct_udp"
done
finish
