#!/bin/sh
# A host of a world that is a TUN device of this machine: what can be wrong with it, and a whole case by the wall clock in which a program of the
# machine answers in a host's place. Everything happens in a network namespace of its own.
. tests/cli/lib.sh
scenario scenarios/edge.lua <<'LUA'
local tank = require "icetank"
return tank.scenario { "a host is a device",
  matrix = { what = { "ask", "attack", "use", "none" } },
  run = function(t, cell)
    t:internet { servers = {} }
    local bob, alice = t:host { "bob" }, t:host { "alice" }
    if cell.what == "attack" then t:attacker { "mallory" } end
    if cell.what == "use" then bob.udp:open() end
    local u = alice.udp:open()
    u:send(bob:addr(7), "hello")
    local ev = cell.what == "ask" and u:next { "message", within = "5s" }
    t:check { "the answer", ev and ev.data or "none", equals = cell.what == "ask" and "hello" or "none" }
  end,
}
LUA
claim "a device needs a name"
run run scenarios/edge.lua --edge bob --out o
ends 2
says "icetank: run: --edge takes a host's name and a device, as turn=tank0, at most 8 times, not \"bob\""
claim "trust is for devices"
run run scenarios/edge.lua --trust roots.pem --out o
ends 2
says 'icetank: --trust: is of use with --edge alone'
claim "a file of certificates that is not there"
run run scenarios/edge.lua --edge bob=tank0 --trust roots.pem --out o
ends 2
says 'icetank: --trust: roots.pem: No such file or directory'
claim "a device that there is not"
run run scenarios/edge.lua --only '**/what=ask' --edge bob=tank77 --out o
ends 1
has stdout 'host bob is to be device tank77: there is no such interface: ip tuntap add tank77 mode tun'

claim "a program of the machine answers in the place of a host, by the wall clock"
cat >inside.sh <<'SH'
set -eu
ip link set lo up
ip tuntap add tank0 mode tun
ip link set tank0 up
ask() { "$icetank" run scenarios/edge.lua --edge "$1" --only "**/what=$2" --out "$3" >"$3.txt" 2>&1 || true; }
ask bob=tank0 ask without
ip addr add 203.0.113.1/32 dev tank0
ip route add default dev tank0
python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("203.0.113.1", 7))
while True:
    data, who = s.recvfrom(2048)
    s.sendto(data, who)
' &
server=$!
sleep 1
ask bob=tank0 ask asked
ask bob=tank0 attack attacked
ask bob=tank0 use used
ask bop=tank0 none misspelt
kill $server
SH
export icetank
if unshare --net true 2>/dev/null && [ -c /dev/net/tun ] && command -v python3 >/dev/null && command -v ip >/dev/null; then
  unshare --net sh inside.sh || wrong "the namespace's part ended with $?"
  has asked.txt '1 as predicted, 0 not'
  has asked/results.jsonl '"wall_late":'
  claim "the machine has to have the host's addresses"
  has without.txt 'host bob has 203.0.113.1 in this world, and device tank0 has not: ip addr add 203.0.113.1/32 dev tank0'
  claim "attackers need a second run, which would be another"
  has attacked.txt 'attackers beside real devices'
  claim "no app of the tank runs on a device"
  has used.txt 'bob is device tank0 of this machine: no app of the tank runs there, and it has no state'
  claim "a device for a host that is not there"
  has misspelt.txt '--edge: no host "bop" in this case; did you mean "bob"?'
else
  lacks_here "no network namespaces, no TUN devices or no python3"
fi
finish
