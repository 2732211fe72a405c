#!/bin/sh
# What captures of runs have in them: drops and faults as in the trace, and a shape that other programs take.
. tests/cli/lib.sh

scenario scenarios/caps.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "drops of many kinds",
  matrix = { what = { "cut", "down", "loss", "queue", "segment", "nothing" } },
  run = function(t, cell)
    if cell.what == "nothing" then return t:check { "it", true } end
    local a = t:host { "a", behind = "linux-masq", link = cell.what == "queue" and { rate = "40kbps", queue = "3kB", aqm = "codel", target = "1ms" } or nil }
    local b = t:host { "b", behind = "port-cone" }
    local call = t:call { a, b, model = "B", media = "voice" }
    call:next { "open", within = "5s" }
    t:at "6s"
    if cell.what == "cut" then a.iface.eth.link:cut {} end
    if cell.what == "down" then a.iface.eth:down() end
    if cell.what == "loss" then b.link:set { loss = "20%" } end
    if cell.what == "segment" then b:stop { silent = true } end
    t:sleep "3s"
    t:check { "it", true }
  end }
LUA

# told FILE KIND: the drops by node and rule, or the faults, that a trace or a capture tells of
told() {
  case $1,$2 in
  *.jsonl,drop) sed -n 's/.*"node":"\([^"]*\)".*"kind":"drop".*"rule":"\([^"]*\)".*/\1: DROP \2/p' "$1" ;;
  *.jsonl,fault) sed -n 's/.*"kind":"fault".*"text":"\([^"]*\)".*/FAULT \1/p' "$1" ;;
  *,drop) tr '\0' '\n' <"$1" | grep -aoE '[a-z0-9-]+: DROP [^;]*' | LC_ALL=C sed 's/[^ -~].*//; s/ (RFC [^)]*)$//' ;;
  *,fault) tr '\0' '\n' <"$1" | grep -aoE 'FAULT [ -~]*' ;;
  esac | sed 's/ (RFC [^)]*)$//' | LC_ALL=C sort
}

claim "drops and faults of the trace are the comments of the capture"
run run scenarios/caps.lua --out o --pcap all
ends 0
for c in cut down loss queue segment; do
  f="o/cases/caps,what=$c"
  for kind in drop fault; do
    told "$f.trace.jsonl" $kind >trace
    told "$f.pcapng" $kind >capture
    cmp -s trace capture || wrong "$c: $kind in trace < and capture > differ" "$(diff trace capture | head -n 4)"
  done
done
told "o/cases/caps,what=cut.pcapng" fault >l
prints_once=$(grep -c 'FAULT a.eth cut' l)
[ "$prints_once" -eq 1 ] || wrong "the cut is told $prints_once times: $(cat l)"
for c in cut down loss queue segment; do
  [ "$(told "o/cases/caps,what=$c.pcapng" drop | wc -l)" -ge 3 ] || wrong "$c: hardly a drop"
done
told "o/cases/caps,what=down.pcapng" drop >l
has l 'a: DROP the interface is down'
told "o/cases/caps,what=queue.pcapng" drop >l
has l 'a: DROP it waited too long in the queue in front of the link (CoDel)'

claim "editcap and mergecap take every capture, also an empty one"
if command -v editcap >/dev/null 2>&1 && command -v capinfos >/dev/null 2>&1; then
  for f in o/cases/*.pcapng; do
    n=$(capinfos -Mc "$f" | sed -n 's/^Number of packets: *//p')
    editcap "$f" e.pcapng 2>err || wrong "editcap: $f: $(cat err)"
    [ "$(capinfos -Mc e.pcapng | sed -n 's/^Number of packets: *//p')" = "$n" ] || wrong "editcap loses packets of $f"
    mergecap -w m.pcapng "$f" "$f" 2>err || wrong "mergecap: $f: $(cat err)"
  done
else
  echo "SKIP editcap and mergecap are not here"
fi

scenario scenarios/words.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "a text by the signal server",
  matrix = { carrier = { "websocket", "http-poll", "wss", "https-poll" } },
  run = function(t, cell)
    local a, b = t:host { "a", behind = "linux-masq" }, t:host { "b", behind = "port-cone" }
    local one, other = a:carrier { cell.carrier, to = b }, b:carrier { cell.carrier, to = a }
    one:send "hello"
    other:expect { "message", within = "5s" }
  end }
LUA

claim "signaling is dissected as WebSocket and as HTTP, also inside TLS, in one pass: secrets come before what they open"
run run scenarios/words.lua --out o --pcap all
ends 0
if command -v tshark >/dev/null 2>&1; then
  for want in websocket:websocket http-poll:http wss:websocket https-poll:http; do
    f="o/cases/words,carrier=${want%:*}.pcapng"
    tshark -r "$f" -Y "${want#*:}" -x 2>err >l || wrong "tshark: $f: $(cat err)"
    has l 'hello'
    case $want in
    wss:* | https-poll:*) # the Finished is encrypted (RFC 8446 section 4.4.4)
      tshark -r "$f" -Y 'tls.handshake.type == 20' 2>err >l || wrong "tshark: $f: $(cat err)"
      [ -s l ] || wrong "$f: no Finished is opened"
      ;;
    esac
    tshark -r "$f" -Y '_ws.malformed' 2>/dev/null >bad
    [ ! -s bad ] || wrong "$f: malformed: $(head -n 2 bad)"
  done
else
  echo "SKIP tshark is not here"
fi
finish
