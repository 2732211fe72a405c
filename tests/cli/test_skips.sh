#!/bin/sh
# What this machine cannot run: told by hand, and a failure in CI.
. tests/cli/lib.sh

# may ENV... -- COMMAND...: .ci/may-skip under these settings
may() {
  code=0
  env -u CI -u SKIPPED "$@" >stdout 2>stderr || code=$?
}

claim "what passes or fails does so"
may "$root/.ci/may-skip" thing true
ends 0
[ ! -s stderr ] || wrong "$(cat stderr)"
may CI=true "$root/.ci/may-skip" thing sh -c 'exit 3'
ends 3

claim "what is skipped is told by hand, and written down"
may SKIPPED="$work/skipped" "$root/.ci/may-skip" thing sh -c 'exit 77'
ends 0
says 'SKIP thing: this machine cannot run it, as said above'
[ "$(cat skipped)" = thing ] || wrong "written down: $(cat skipped)"

claim "and in CI it is a failure"
may CI=true SKIPPED="$work/skipped" "$root/.ci/may-skip" thing sh -c 'exit 77'
ends 1
says 'FAIL thing: it was skipped, which in CI is a failure'

claim "instructions that cannot be counted are skipped, and that is no success"
mkdir bin
for tool in bash env dirname mktemp rm id awk sed sort cat; do ln -s "$(command -v "$tool")" bin/; done
code=0
(cd "$root" && PATH=$work/bin bash tests/bench/run instructions) >stdout 2>stderr || code=$?
ends 77
has stdout '"verdict":"SKIP","why":"valgrind is not installed and cannot be"'

claim "a claim that cannot be tested counts as nothing, and in CI as a failure"
cat >lacking.sh <<'SH'
. tests/cli/lib.sh
claim "first"
claim "second"
lacks_here "nothing to do it with"
claim "third"
finish
SH
(cd "$root" && env -u CI sh "$work/lacking.sh") >stdout 2>stderr || wrong "$(cat stdout stderr)"
prints 'SKIP second: nothing to do it with
2 passed, 0 failed'
code=0
(cd "$root" && CI=true sh "$work/lacking.sh") >stdout 2>stderr || code=$?
ends 1
has stdout 'FAIL second'
has stdout '2 passed, 1 failed'
finish
