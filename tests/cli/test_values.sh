#!/bin/sh
# Values that say nothing, contradict each other or overwrite what a case is judged by: an error with file and line, never a silent pass.
. tests/cli/lib.sh
mkdir -p scenarios

hosts='local a, b = t:host { "a", behind = "linux-masq" }, t:host "b"  local c = t:call { a, b, model = "B" }'
# in_run NAME MESSAGE CODE: CODE, on line 4 of a case with a call, ends it with MESSAGE.
in_run() {
  claim "$1"
  printf 'local tank = require "icetank"\nreturn tank.scenario { "x", run = function(t)\n  %s\n  %s\n  t:sleep "9s"\nend }\n' "$hosts" "$3" >scenarios/x.lua
  run run scenarios/x.lua --out c --pcap none
  ends 1
  has stdout "      error     $2"
  has stdout "      where     scenarios/x.lua:4"
}
# is_fine NAME CODE: CODE stands, though much like it does not.
is_fine() {
  claim "fine: $1"
  printf 'local tank = require "icetank"\nreturn tank.scenario { "x", run = function(t)\n  %s\n  %s\n  t:sleep "9s"\nend }\n' "$hosts" "$2" >scenarios/x.lua
  run run scenarios/x.lua --out c --pcap none
  lacks stdout ERROR
}

# What the judge reads of a call.
for k in ends far near oracle verdict label model; do
  in_run "a call's $k is not written" 'a call has no fields to set' "c.$k = nil"
done
in_run "a call's ends are not to be had" 'call has no "ends"' 'local _ = c.ends'
is_fine "the ends by their hosts" 'c[a]:expect { "open", within = "5s" } c[b]:expect { "open", within = "5s" }'

# Numbers that every call has.
for k in t_conn false_alarms connected lost_2 t_first_media_17; do
  in_run "metric $k is the tank's" "metric: \"$k\" is a number that every call has" "t:metric { \"$k\", 7 }"
done
is_fine "names that only look like them" 't:metric { "t_connx", 7 } t:metric { "my_lost", 1 } t:metric { "lost_at_b", 1 }'

finish
