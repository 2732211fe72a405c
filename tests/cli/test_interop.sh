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
    printf 'unknown() { op=${line#*\\"op\\":\\"}; echo "{\\"ev\\":\\"unsupported\\",\\"op\\":\\"${op%%%%\\"*}\\"}"; }\n'
    echo 'while read -r line; do case $line in'
    cat
    echo '*\"op\":\"q*) unknown ;; esac; done'; } >"$1"
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
has out/results.jsonl '"not_judged":["data channels (SCTP): absent",'
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
*hello*) hello 1 agent; unknown; kill -SEGV $$ ;;
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
*\"op\":\"q*) echo '{"ev":"unsupported","op":"xyzzy"}' ;;
SH
table liar
broken 'they: an operation that there is not is not answered as such'

claim 'the end of one is a part of it'
fake late <<'SH'
*hello*) hello 1 stun; trap 'exit 3' EXIT ;;
SH
table late
broken 'they: ended with exit code 3 after the session'
fake stuck <<'SH'
*hello*) hello 1 stun; trap 'exec sleep 1000' EXIT ;;
SH
table stuck
broken 'they: does not end when its input does'

claim 'an adapter has three descriptors, and none of other cells'
# shellcheck disable=SC2016 # the words are the adapter's
fake frugal <<'SH'
*hello*) ls /proc/$$/fd >$0.$$.fds; hello 1 stun ;;
SH
code=0
exec 8>also # a descriptor that the run itself was started with is not theirs either
"$interop" --ours "$icetank peer" --peer "one=$work/frugal" --peer "two=$work/frugal" --peer "three=$work/frugal" --feature connect-controlling --out out \
  >stdout 2>stderr || code=$?
exec 8>&-
for fds in frugal.*.fds; do # a shell keeps its script as 10 or more
  grep -vx '[0-2]\|[1-9].' "$fds" >beside && wrong "it has also: $(cat beside)"
done

claim 'what an adapter has started ends with it, also what has left it'
# shellcheck disable=SC2016 # the words are the adapter's
fake parent <<'SH'
*hello*) sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >$0.child; setsid sh -c 'echo $$ >$0; exec sleep 1000' $0.orphan </dev/null >/dev/null 2>&1 & while ! [ -s $0.orphan ]; do sleep 0.1; done; hello 1 stun ;;
SH
table parent
has stdout 'fake: no agent'
for who in child orphan; do
  if kill -0 "$(cat parent.$who)" 2>/dev/null; then wrong "the $who is still there"; fi
done

claim 'a handshake that fails for another reason is no refusal'
cat >other <<'SH'
#!/bin/sh
exec sed -u '/"ev":"dtls"/s/fingerprint/weather/'
SH
chmod +x other
printf '#!/bin/sh\n%s peer | %s/other\n' "$icetank" "$work" >blunt
chmod +x blunt
code=0
"$interop" --ours "$icetank peer" --peer "blunt=$work/blunt" --feature 'dtls-refused-by-them' --out out >stdout 2>stderr || code=$?
ends 1
has stdout 'DTLS ended, but not because of the fingerprint'
code=0
"$interop" --ours "$icetank peer" --peer "self=$icetank peer" --feature 'dtls-refused-*' --out out >stdout 2>stderr || code=$?
ends 0
has stdout '2 passed'

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
rm -f silent.pid
"$interop" --ours "$icetank peer" --peer "fake=$work/silent" --feature connect-controlling --out out >stdout 2>stderr &
runner=$!
n=0
until [ -s silent.pid ] || [ "$n" -ge 300 ]; do
  sleep 0.1
  n=$((n + 1))
done
kill -TERM $runner
code=0
wait $runner || code=$?
ends 130
if kill -0 "$(cat silent.pid)" 2>/dev/null; then wrong 'the adapter is still there'; fi

finish
