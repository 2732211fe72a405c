#!/bin/sh
# icetank open: Wireshark where there is one and a display, else the commands; the profile that comes with it.
. tests/cli/lib.sh

scenario scenarios/two.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "two homes",
  run = function(t)
    local a, b = t:host { "a", behind = "linux-masq" }, t:host { "b", behind = "port-cone" }
    t:call { a, b, model = "B" }:await { "open", within = "5s" }
    a.link:cut {}
    t:sleep "1s"
  end }
LUA
# A Wireshark that says how it was started.
mkdir bin
cat >bin/wireshark <<'SH'
#!/bin/sh
{ echo "$WIRESHARK_CONFIG_DIR"; for a; do echo "$a"; done; } >started.part
mv started.part started
SH
chmod +x bin/wireshark
# opens ARG...: as run open, with DISPLAY and PATH as $display and $path say
opens() {
  code=0
  env DISPLAY="$display" WAYLAND_DISPLAY= PATH="$path" "$icetank" open "$@" >stdout 2>stderr </dev/null || code=$?
}

run run scenarios/two.lua --pcap all
claim "with a display it starts Wireshark on the capture, with the profile and no other settings"
display=:9 path="$PWD/bin:$PATH"
opens two
ends 0
prints 'out/cases/two.pcapng: opened in Wireshark'
i=0
while [ ! -e started ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
printf '%s\n' out/wireshark -C icetank -r out/cases/two.pcapng >want
same started want
same "$root/reports/wireshark/profiles/icetank/colorfilters" out/wireshark/profiles/icetank/colorfilters
same "$root/reports/wireshark/plugins/rtmfp-dissector.lua" out/wireshark/plugins/rtmfp-dissector.lua
{ cat "$root/reports/wireshark/profiles/icetank/preferences"; echo 'rtmfp.capture: out/cases/two.pcapng'; } >want
same out/wireshark/profiles/icetank/preferences want

claim "without a display it prints the commands"
display='' path="$PWD/bin:$PATH"
opens two
ends 0
prints 'there is no display; this opens it:
  WIRESHARK_CONFIG_DIR=out/wireshark wireshark -C icetank -r out/cases/two.pcapng
  WIRESHARK_CONFIG_DIR=out/wireshark tshark -C icetank -r out/cases/two.pcapng'

claim "and so it does where Wireshark is not"
mkdir none
display=:9 path="$PWD/none"
opens two
ends 0
has stdout 'Wireshark is not here; this opens it:'

claim "a capture may be named itself; a folder's name is quoted for the shell"
display='' path="$PATH"
cp out/cases/two.pcapng 'a b.pcapng'
opens 'a b.pcapng' --out 'o u t'
ends 0
has stdout "WIRESHARK_CONFIG_DIR='o u t/wireshark' tshark -C icetank -r 'a b.pcapng'"
[ -s 'o u t/wireshark/profiles/icetank/preferences' ] || wrong "no profile"
opens none.pcapng
ends 2
says 'icetank: none.pcapng: No such file or directory'

claim "a case without a capture is run again"
run run scenarios/two.lua --out bare --pcap none
opens two --out bare
ends 0
has stdout 'tshark -C icetank -r bare/replay/cases/two.pcapng'
same out/cases/two.pcapng bare/replay/cases/two.pcapng

claim "a case that nobody knows"
opens too
ends 2
says 'icetank: no case "too"; did you mean two?'

if command -v tshark >/dev/null 2>&1; then
  claim "what is printed works: taps and comments as columns, names of hosts and boxes, drops and faults told"
  opens two
  command=$(tail -n 1 stdout)
  sh -c "$command" >list 2>err || wrong "$(cat err)"
  has list ' a-gw.wan '
  has list ' a-gw → stun '
  has list 'FAULT a.eth cut'
  has list ': DROP '
  lacks list '203.0.113.2 '

  claim "packets of RTMFP are named by their chunks, with the keys that are in the capture"
  cp "$root/scenarios/netstreams.lua" scenarios/
  run run scenarios/netstreams.lua --only netstreams/relayed --pcap all --out rtmfp
  opens netstreams/relayed --out rtmfp
  command=$(tail -n 1 stdout)
  sh -c "$command -Y rtmfp" >list 2>err || wrong "$(cat err)"
  for word in ' IHello' ' RHello' ' IIKeying' ' RIKeying' ' Data 1:1 connect' ' createStream' 'Data 2:1 publish' 'audio, Data 3:2 audio'; do has list "$word"; done
  lacks list 'no key'
  lacks list 'alformed'
  sh -c "$command -Y 'udp.port == 1935 && !rtmfp && !icmp'" >list 2>err || wrong "$(cat err)"
  [ ! -s list ] || wrong "not named: $(head -n 1 list)"

  claim "messages of RTWebSocket are named, inside TLS too"
  cp "$root/scenarios/netstreams-web.lua" scenarios/
  run run scenarios/netstreams-web.lua --only netstreams-web/falls --pcap all --out web
  opens netstreams-web/falls --out web
  command=$(tail -n 1 stdout)
  sh -c "$command -Y rtws" >list 2>err || wrong "$(cat err)"
  for word in 'Flow Open 1' 'Data 1 connect' 'Data 1 createStream' 'Data 2 publish' ' audio' ' Ack 3' 'Flow Close 2'; do has list "$word"; done
  lacks list 'alformed'
  sh -c "$command -Y 'websocket && !rtws && !websocket.opcode == 8 && !http'" >list 2>err || wrong "$(cat err)"
  [ ! -s list ] || wrong "not named: $(head -n 1 list)"

  claim "every filter of the colours is one"
  grep '^@' "$root/reports/wireshark/profiles/icetank/colorfilters" | cut -d@ -f3 >filters
  [ "$(wc -l <filters)" -ge 5 ] || wrong "hardly a filter"
  while read -r f; do tshark -r out/cases/two.pcapng -Y "$f" >list 2>err || wrong "$f: $(cat err)"; done <filters
  tshark -r out/cases/two.pcapng -Y "$(head -n 1 filters)" 2>/dev/null >list
  [ -s list ] || wrong "no drop is coloured"
fi
finish
