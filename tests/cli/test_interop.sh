#!/bin/sh
# The table of interop, with adapters that are none: each has its verdict, and the run its end.
. tests/cli/lib.sh

interop=$(dirname "$icetank")/interop/interop
unshare --net true 2>/dev/null || unshare -Urn true 2>/dev/null || {
  echo 'SKIP interop: no network namespaces'
  finish
  exit
}
unset CI

# fake NAME: an adapter from standard input, the body of a loop over lines in $line
# shellcheck disable=SC2016 # the words are the adapter's
fake() {
  { printf '#!/bin/sh\nhello() { echo "{\\"ev\\":\\"hello\\",\\"v\\":$1,\\"impl\\":\\"fake\\",\\"version\\":\\"9\\",\\"caps\\":\\"$2\\"}"; }\n'
    printf 'xyzzy() { echo "{\\"ev\\":\\"unsupported\\",\\"op\\":\\"xyzzy\\"}"; }\n'
    echo 'while read -r line; do case $line in'
    cat
    echo '*xyzzy*) xyzzy ;; esac; done'; } >"$1"
  chmod +x "$1"
}
# table NAME OPTION...: runs the fake against our own stack, one cell
table() {
  peer=$1 code=0
  shift
  "$interop" --ours "$icetank peer" --peer "fake=$work/$peer" --feature connect-controlling --patience 4 --out "$work/out" "$@" >stdout 2>stderr </dev/null || code=$?
}
broken() { # TEXT: the cell says so
  ends 1
  has stdout 'broken !'
  has stdout "$1"
}

claim 'our own stack passes against itself'
code=0
"$interop" --ours "$icetank peer" --peer "self=$icetank peer" --feature 'dtls-client' --out out >stdout 2>stderr || code=$?
ends 0
has out/results.jsonl '"peer":"self","version":"'
has out/results.jsonl '"feature":"dtls-client","result":"pass","expected":true'

claim 'a line that is no JSON is a broken adapter'
fake garbage <<'SH'
*hello*) echo 'starting up...' ;;
SH
table garbage
broken 'they: a line of standard output is no JSON: starting up...'

claim 'a value that is not flat, an event without a name'
fake deep <<'SH'
*hello*) echo '{"ev":"hello","v":[1]}' ;;
SH
table deep
broken 'has a value that is neither text nor a whole number'
fake noname <<'SH'
*hello*) echo '{"v":1}' ;;
SH
table noname
broken 'has no "ev"'

claim 'a line without an end is given up'
fake endless <<'SH'
*hello*) tr '\0' x </dev/zero ;;
SH
table endless
broken 'a line of standard output is longer than 131072 bytes'

claim 'another version of the protocol is none'
fake version <<'SH'
*hello*) hello 2 agent ;;
SH
table version
broken 'speaks another version of itp than 1'

claim 'a crash has its signal, an end its code, a missing program 127'
fake crash <<'SH'
*hello*) hello 1 agent; xyzzy; kill -SEGV $$ ;;
SH
table crash
broken 'they: died of signal 11'
fake ending <<'SH'
*hello*) exit 3 ;;
SH
table ending
broken 'they: ended with exit code 3'
table nothing-of-that-name
broken 'they: ended with exit code 127'

claim 'who says that he can all is not believed'
fake liar <<'SH'
*hello*) hello 1 agent ;;
*xyzzy*) echo '{"ev":"error","why":"what?"}' ;;
SH
table liar
broken 'they: an operation that there is not is not answered as such'

claim 'a silent one is ended, and does not outlive the run'
printf '#!/bin/sh\necho $$ >%s/silent.pid\nexec sleep 1000\n' "$work" >silent
chmod +x silent
table silent
broken 'they: no answer to hello'
if kill -0 "$(cat silent.pid)" 2>/dev/null; then wrong 'it is still there'; fi

claim 'what an adapter cannot is a result, and held against the table'
fake poor <<'SH'
*hello*) hello 1 stun ;;
SH
table poor
ends 1
has stdout 'fake: no agent; nothing in the table says that it cannot'
printf 'fake\tconnect-*\tcannot\tit is a fake\n' >known.tsv
table poor --known known.tsv
ends 0
has stdout '1 as known'
printf 'fake\tconnect-*\tfails\tit is a fake\n' >known.tsv
table poor --known known.tsv
ends 1
has stdout 'the table says that it fails: take the line out'

claim 'a peer that is not here is a skip, and with CI set a failure'
code=0
"$interop" --missing 'fake=not packaged' --out out >stdout 2>stderr || code=$?
ends 77
has stdout 'SKIP     fake connect-controlling: not packaged'
code=0
CI=true "$interop" --missing 'fake=not packaged' --out out >stdout 2>stderr || code=$?
ends 1

claim 'mistakes of the command line and of the table'
code=0
"$interop" --peer >stdout 2>stderr || code=$?
ends 2
says 'interop: --peer is not understood; --help tells the options'
printf 'fake\tconect\tfails\treason\n' >known.tsv
table poor --known known.tsv
ends 2
says 'interop: known.tsv:1: no feature has such a name'
printf '\nfake\tstun\tsometimes\treason\n' >known.tsv
table poor --known known.tsv
ends 2
says 'interop: known.tsv:2: a kind is cannot, fails or varies'
table poor --only nobody
ends 3

claim 'an interrupt ends all of it'
"$interop" --ours "$icetank peer" --peer "fake=$work/silent" --feature connect-controlling --out out >stdout 2>stderr &
runner=$!
rm -f silent.pid
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -s silent.pid ] && break
  sleep 0.2
done
kill -TERM $runner
code=0
wait $runner || code=$?
ends 130
if kill -0 "$(cat silent.pid)" 2>/dev/null; then wrong 'the adapter is still there'; fi

finish
