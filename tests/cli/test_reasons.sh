#!/bin/sh
# What a run says of why a call has no path: the reason that the boxes and the servers give comes before what the packets show of it.
. tests/cli/lib.sh

scenario scenarios/r.lua <<'LUA'
local tank = require "icetank"
return {
  -- Two full cones, which would meet; nobody tells either its outside address.
  untold = tank.scenario { "", run = function(t)
    t:internet { servers = { "signal" } }
    local a, b = t:host { "a", behind = "full-cone" }, t:host { "b", behind = "full-cone" }
    local call = t:call { a, b, model = "B" }
    t:check { "why", call.oracle.why, equals = "no STUN server is up, so nobody learns an outside address (RFC 8445 section 5.1.1.2)" }
    call:expect { "open", within = "5s" }
    t:sleep "41s"
  end },
  -- Wi-Fi is EIM and meets the far router, the cell's NAT is APDM/APDF and never does; a third interface is down.
  other = tank.scenario { "", matrix = { model = { "B", "E" } }, run = function(t, cell)
    local phone = t:host { "phone", { "wifi", behind = "linux-masq" }, { "cell", behind = "symmetric" }, { "spare" } }
    phone.iface.spare:down()
    local call = t:call { phone, t:host { "desk", behind = "port-cone" }, model = cell.model, media = "voice" }
    call:await { "open", within = "9s" }
    t:at "12s"
    phone.iface.wifi:down()
    call[phone]:forbid { "death", during = "9s" }
  end },
  -- A wire at the internet swallows what near's router has let pass.
  wire = tank.scenario { "", run = function(t)
    local far = t:host { "far", behind = "port-cone" }
    local call = t:call { t:host { "near", behind = "linux-masq" }, far, model = "B", media = "voice" }
    call:await { "open", within = "9s" }
    t:at "12s"
    far.gateway.link:blackhole {}
    call:forbid { "death", during = "40s" }
  end },
  -- A VPN whose exit is by itself, and another one before a router: no box has both inside.
  vpn = tank.scenario { "", run = function(t)
    local a, b = t:host { "a", behind = { "vpn-full-tunnel", "linux-masq" } }, t:host { "b", behind = "vpn-full-tunnel" }
    local call = t:call { a, b, model = "B" }
    t:check { "why", call.oracle.why, equals = "APDM/APDF+EIM/APDF and APDM/APDF never let each other in (RFC 4787 sections 4.1, 5)" }
    call:expect { "death", within = "62s" }
  end },
  -- It would have met, and was not told of in time: no reason of boxes.
  late = tank.scenario { "", run = function(t)
    local phone = t:host { "phone", { "wifi" }, { "cell" } }
    local call = t:call { phone, t:host { "desk" }, model = "B", media = "voice", restart = false }
    call:await { "open", within = "9s" }
    t:at "12s"
    phone.iface.cell.link:blackhole {}
    phone.iface.wifi:down()
    call[phone]:forbid { "death", during = "9s" }
  end },
}
LUA
run run scenarios/r.lua --out out

claim "without a STUN server that is the reason, and not that boxes which would meet do not"
ends 1
has out/cases/r,untold.html "Why: no STUN server is up, so nobody learns an outside address (RFC 8445 section 5.1.1.2); b-gw-lan: nobody on"
lacks stdout "equals no STUN"

claim "who turns nothing around is a reason only where both sides are inside"
lacks stdout 'equals APDM/APDF+EIM/APDF'
grep '"case":"r/vpn"' out/results.jsonl >case
lacks case hairpin
has case '"verdict":"pass"'

claim "where another interface was there, the reason is why it could not take over"
why='phone.cell could not take over: APDM/APDF and EIM/APDF never let each other in (RFC 4787 sections 4.1, 5); phone.spare was down'
for model in B E; do
  grep "\"case\":\"r/other/model=$model\"" out/results.jsonl >case
  has case "\"why\":\"$why\""
  has "out/cases/r,other,model=$model.html" "Why: $why; "
done

claim "a host is drawn with the addresses of all its interfaces, an app called the same by script and packets"
grep '"kind":"addr"' "out/cases/r,other,model=E.trace.jsonl" | grep '"node":"phone"' | sed 's/.*"text":"\([^"]*\)".*/\1/' >addrs
[ "$(wc -l <addrs)" -eq 3 ] || wrong "not three addresses: $(cat addrs)"
while IFS= read -r ip; do has "out/cases/r,other,model=E.html" ">$ip</text>"; done <addrs
grep '"case":"r/other/model=E"' out/results.jsonl >case
has case 'phone/e2: death'

claim "what fails tells by what: the expectations, the oracle, a standing rule; what no case says is a dash"
has out/index.html "by the scenario's own expectations)"

claim "every kind of name is listed once"
run profiles
ends 0
grep -v '^ ' stdout | grep . | LC_ALL=C sort | uniq -d >twice
[ ! -s twice ] || wrong "twice: $(cat twice)"
has stdout 'timer set'

claim "and none is made up where the boxes would have let it"
grep '"case":"r/late"' out/results.jsonl >case
has case '"name":"death"'
lacks case 'take over'

claim "a packet that ends where no column is ends behind the last column that saw it"
run show r/wire --out out --ladder
grep -E '^ *(1[2-9]|[2-4][0-9])[0-9]{3}\.' stdout | grep 'x internet: the link swallows' >drops
has drops 'x--|<-check------------|' # behind far-gw

finish
