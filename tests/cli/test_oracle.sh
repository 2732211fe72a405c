#!/bin/sh
# The oracle against the world: a sample of what `make chains` and `make worlds` compare in full.
. tests/cli/lib.sh

# sample FILE ONLY: runs the cases ONLY of tests/oracle/FILE from the repository.
sample() {
  cd "$root" || exit 99
  code=0
  "$icetank" run "tests/oracle/$1" --only "$2" --out "$work/o" --pcap none >"$work/stdout" 2>"$work/stderr" || code=$?
  cd "$work" || exit 99
}

claim "every chain of two boxes meets a chain with an inner box stricter than the outer one as the oracle says"
sample chains.lua '**/two/far=eim-adf+apdm-eif/**'
ends 0
has stdout '81 as predicted, 0 not, 0 errors'

claim "worlds drawn at random end as the oracle says"
sample worlds.lua '**/kind=plain/**'
ends 0
has stdout '60 as predicted, 0 not, 0 errors'

claim "so do worlds in which most boxes behave otherwise than any profile"
sample worlds.lua '**/kind=changed/**'
ends 0
has stdout '60 as predicted, 0 not, 0 errors'

claim "so do worlds with proxies, inspectors, portals and a relay over WebSocket, and with everything at once"
sample worlds.lua '**/kind=web/**'
ends 0
has stdout '60 as predicted, 0 not, 0 errors'
sample worlds.lua '**/kind=all/**'
ends 0
has stdout '60 as predicted, 0 not, 0 errors'

claim "the summary and the end of the results say how many verdicts were either"
cd "$root" || exit 99
code=0
"$icetank" run scenarios/nat/either.lua --out "$work/o" --pcap none >"$work/stdout" 2>"$work/stderr" || code=$?
cd "$work" || exit 99
ends 0
has stdout '8 either verdicts: which of two outcomes is right hangs on who is first, or on chance'
has o/results.jsonl '"missing":0,"either":8,'
has o/results.jsonl '"either":true'
finish
