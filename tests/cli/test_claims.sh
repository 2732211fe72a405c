#!/bin/sh
# docs/claims.md and scenarios/hypotheses say the same, and no prediction is edited once there is a result.
. tests/cli/lib.sh

copy() {
  rm -rf copy
  mkdir -p copy/.ci copy/docs copy/scenarios
  cp "$root/.ci/claims" copy/.ci/
  cp "$root/docs/claims.md" copy/docs/
  cp -r "$root/scenarios/hypotheses" copy/scenarios/
}
checked() { # what must be said; nothing: all is well
  out=$(copy/.ci/claims 2>&1) && [ -z "$1" ] && return
  case $out in *"$1"*) [ -n "$1" ] || wrong "$out" ;; *) wrong "not \"$1\" but \"$out\"" ;; esac
}

claim "the page has each hypothesis with the verdict that its scenario knows"
copy
checked ''

claim "a prediction that was edited is found, in the table and in the matrix"
sed 's/p95 at least 10 ms lower/p95 at least 20 ms lower/' "$root/docs/claims.md" >copy/docs/claims.md
checked 'a prediction was edited'
sed 's/^| sym–sym | r | r |/| sym–sym | r | t |/' "$root/docs/claims.md" >copy/docs/claims.md
checked 'a prediction was edited'

claim "a verdict that the scenario does not know, a row without a scenario and a scenario without a row are found"
copy
sed -i 's/known   = "refuted"/known   = "supported"/' copy/scenarios/hypotheses/alvestrand.lua
checked 'H-H3: the scenario knows supported'
copy
sed -i 's/"H-U1:/"H-U2:/' copy/scenarios/hypotheses/uberti.lua
checked 'H-U1: no scenario'
checked 'no row for H-U2 of uberti.lua/blobs'

claim "numbers of a run that the page does not have are found, and written"
copy
mkdir -p out
printf '%s\n' '{"end":"complete","hypotheses":[{"cases":1,"claim":"nobody, ever","hypothesis":"hypotheses/uberti/blobs","known":"supported","ok":true,"predictions":[{"interval":"7 to 9","n":5,"text":"recovered equals 1","value":"8","verdict":"supported"}],"title":"H-U1: a title","verdict":"supported"}]}' >out/results.jsonl
if copy/.ci/claims "$PWD/out" >stdout 2>&1; then wrong "nothing found"; fi
has stdout '+| recovered equals 1 | 8 | 7 to 9 | 5 | supported |'
copy/.ci/claims -w "$PWD/out" >stdout 2>&1
has copy/docs/claims.md '| recovered equals 1 | 8 | 7 to 9 | 5 | supported |'
has copy/docs/claims.md '**supported** [uberti/blobs](../scenarios/hypotheses/uberti.lua) |'

finish
