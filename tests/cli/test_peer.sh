#!/bin/sh
# The peer: itp/1 on its standard input and output; two of them, and what one makes of bad input.
. tests/cli/lib.sh

# talk: what the peer says to standard input; its exit code is in the file ended.
talk() {
  timeout 20 "$icetank" peer >stdout 2>stderr
  echo "$?" >ended
}
ended() {
  code=$(cat ended)
  ends "$1"
}

claim "hello, and an operation that is none"
printf '%s\n' '{"op":"hello","v":1}' '{"op":"xyzzy","id":7}' | talk
ended 0
has stdout '{"ev":"hello","v":1,"impl":"icetank"'
has stdout '{"ev":"unsupported","id":7,"op":"xyzzy"}'
[ ! -s stderr ] || wrong "stderr: $(cat stderr)"

claim "the end of input is an end, with and without a line's"
printf '' | talk
ended 0
[ ! -s stdout ] || wrong "it said: $(cat stdout)"
printf '%s' '{"op":"hello","v":1}' | talk
ended 0
has stdout '"ev":"hello"'

claim "what is no JSON is an error and nothing more"
printf '%s\n' 'hello' '[1]' '{"op":1}' '{"op":"hello","v":2}' '{"op":"hello","op":"hello"}' '' '  ' '{"op":"hello","v":1}' | talk
ended 0
[ "$(grep -c '"ev":"error"' stdout)" -eq 5 ] || wrong "$(cat stdout)"
has stdout '"ev":"hello"'

claim "bytes of all kinds are errors and nothing more"
{ head -c 3000 /dev/urandom | tr '\n' ' '; printf '\n{"op":"hello","v":1}\n'; } | talk
ended 0
has stdout '"ev":"error"'
has stdout '"ev":"hello"'

claim "a line that is too long is passed over"
{ head -c 400000 /dev/zero | tr '\0' x; printf '\n{"op":"hello","v":1}\n'; } | talk
ended 0
has stdout 'this line is longer than 131072 bytes'
[ "$(wc -l <stdout)" -eq 2 ] || wrong "$(wc -l <stdout) lines"
has stdout '"ev":"hello"'

claim "operations that miss something say what"
printf '%s\n' '{"op":"gather"}' '{"op":"create","role":"boss"}' '{"op":"create","role":"controlled","components":9}' \
  '{"op":"create","role":"controlled","lite":2}' '{"op":"create","role":"controlled","stun":"stun.example"}' \
  '{"op":"create","role":"controlled"}' '{"op":"create","role":"controlled"}' '{"op":"remote","ufrag":"abcd"}' \
  '{"op":"remote","ufrag":"abcd","pwd":"short"}' '{"op":"rcand","c":"nonsense"}' '{"op":"send","b64":"aGVsbG8="}' \
  '{"op":"send","b64":"?"}' '{"op":"send","comp":2,"b64":"aGVsbG8="}' '{"op":"restart"}' '{"op":"dtls","setup":"active"}' \
  '{"op":"rcand","c":"1 1 UDP 1 a.local 5 typ host"}' | talk
ended 0
[ "$(grep -c '"ev":"error"' stdout)" -eq 14 ] || wrong "$(grep -c '"ev":"error"' stdout): $(cat stdout)"
has stdout 'create it first'
has stdout 'there is one of that id'
has stdout '(RFC 8839 section 5.4)'
has stdout 'there is no path for data yet'
has stdout '"ev":"log"'
has stdout '"ev":"closed"'

claim "a reader that goes away ends it"
# shellcheck disable=SC2016 # it is the inner shell's
timeout 20 sh -c '{ while printf "%s\n" "{\"op\":\"hello\",\"v\":1}"; do :; done; } 2>/dev/null | { "$1" peer; echo "$?" >ended; } | head -n 1 >/dev/null' - "$icetank" || true
[ "$(cat ended)" = 0 ] || wrong "exit code $(cat ended)"

claim "a server that has no address, and an address that is not this machine's"
run peer --b --stun 127.0.0.1:port
ends 77
says 'icetank: peer: --stun 127.0.0.1:port: Servname not supported for ai_socktype'
run peer --b --listen 198.51.100.77
ends 1
has stderr '* 198.51.100.77:0: '
claim "an address that nobody else could call is said to be none, and the peer goes on"
code=0
"$icetank" peer --b --listen 127.0.0.1 </dev/null >stdout 2>stderr || code=$?
ends 0
has stderr 'is no address that another host could call'
lacks stdout '* '
claim "where no address may be used gathering ends all the same, with none, and so after a restart"
printf '%s\n' '{"op":"create","role":"controlled"}' '{"op":"gather"}' '{"op":"restart"}' >in
code=0
timeout 20 "$icetank" peer --listen 127.0.0.1 <in >stdout 2>stderr || code=$?
rm in
ends 0
has stdout '{"ev":"gathered","id":1,"gen":0}'
has stdout '{"ev":"gathered","id":1,"gen":1}'
lacks stdout '"ev":"cand"'
claim "what is for a call alone, no port, and a relay whose certificate nobody vouches for"
run peer --stun 127.0.0.1
ends 2
says 'icetank: peer: --stun and --turn are for --b; by itp/1 "create" names servers'
run peer --b --stun 127.0.0.1:99999
ends 2
says 'icetank: peer: --stun 127.0.0.1:99999: a port is from 1 to 65535'
run peer --b --turn turns:192.0.2.1,me,secret
ends 2
says 'icetank: peer: --turn turns:192.0.2.1,me,secret: no certificate of a relay is trusted here: turn:, by UDP or TCP, does'
claim "an output that takes nothing is said to take nothing"
code=0
printf '%s\n' '{"op":"hello","v":1}' | "$icetank" peer >/dev/full 2>stderr || code=$?
ends 4
says 'icetank: peer: standard output: No space left on device'


for sig in INT TERM; do
  claim "SIG$sig is an end with all sessions closed"
  mkfifo in
  : >stdout # the peer empties it when both ends of the pipe are there: what was said before is none of its lines
  "$icetank" peer <in >stdout 2>stderr &
  pid=$!
  exec 3>in
  printf '%s\n' '{"op":"create","id":"a","role":"controlled"}' '{"op":"gather","id":"a"}' >&3
  n=0
  until grep -q gathered stdout || [ "$n" -ge 300 ]; do
    sleep 0.1
    n=$((n + 1))
  done
  kill -s "$sig" "$pid"
  code=0
  wait "$pid" || code=$?
  exec 3>&-
  rm in
  ends 0
  has stdout '{"ev":"closed","id":"a"}'
done

# carry SETUP: the events of one peer as operations for the other, whose DTLS setup that is; none when empty.
carry() {
  dtls=${1:+\\n{\"op\":\"dtls\",\"setup\":\"$1\",\"fp\":\"\\3\"\}}
  sed -u -n -e "s/^{\"ev\":\"local\".*\"ufrag\":\"\([^\"]*\)\",\"pwd\":\"\([^\"]*\)\".*\"fp\":\"\([^\"]*\)\".*/{\"op\":\"remote\",\"ufrag\":\"\1\",\"pwd\":\"\2\"}\n{\"op\":\"start\"}$dtls/p" \
    -e 's/^{"ev":"cand".*"c":"\([^"]*\)".*/{"op":"rcand","c":"\1"}/p' -e 's/^{"ev":"gathered".*/{"op":"eoc"}/p'
}
# peer_of NAME: a peer, whose process is in NAME.pid.
peer_of() {
  # shellcheck disable=SC2016 # it is the inner shell's
  sh -c 'echo "$$" >"$1.pid"; exec "$0" peer' "$icetank" "$1"
}
# pair COMPONENTS SETUP-A SETUP-B: two peers, a and b, who hear of each other; operations go to fd 3 and 4.
pair() {
  rm -f a.in b.in
  mkfifo a.in b.in
  : >a.out
  : >b.out
  exec 3<>a.in 4<>b.in
  { peer_of a <a.in | tee a.out | carry "$3" >b.in; } 3>&- 4>&- &
  to_b=$!
  { peer_of b <b.in | tee b.out | carry "$2" >a.in; } 3>&- 4>&- &
  to_a=$!
  printf '%s\n' "{\"op\":\"create\",\"role\":\"controlling\",\"components\":$1}" '{"op":"gather"}' >&3
  printf '%s\n' "{\"op\":\"create\",\"role\":\"${role:-controlled}\",\"components\":$1}" '{"op":"gather"}' >&4
}
# seen FILE TEXT N: some N lines of FILE have TEXT, by and by.
seen() {
  n=0
  until [ "$(grep -cF -e "$2" "$1")" -ge "$3" ]; do
    if [ "$n" -ge 300 ]; then
      wrong "$1 lacks $3 times: $2" "it is: $(cut -c1-160 "$1" | tail -n 12)"
      return
    fi
    sleep 0.1
    n=$((n + 1))
  done
}
# part: both close.
part() {
  echo '{"op":"close"}' >&3
  echo '{"op":"close"}' >&4
  seen a.out '"ev":"closed"' 1
  seen b.out '"ev":"closed"' 1
  unpair
}
# unpair: they end.
unpair() {
  exec 3>&- 4>&-
  kill "$(cat a.pid)" "$(cat b.pid)" 2>/dev/null # one may have gone with its input
  wait "$to_a" "$to_b"
}

printf '%s\n' '{"op":"create","role":"controlled"}' '{"op":"gather"}' | talk
if grep -q '"ev":"cand"' stdout; then
  claim "two peers connect, exchange data and restart"
  pair 2 '' ''
  seen a.out '"s":"completed"' 1
  seen b.out '"s":"completed"' 1
  echo '{"op":"send","comp":2,"b64":"aGVsbG8="}' >&3
  seen b.out '{"ev":"data","id":1,"comp":2,"b64":"aGVsbG8="}' 1
  echo '{"op":"send","comp":1,"b64":"d29ybGQ="}' >&4
  seen a.out '{"ev":"data","id":1,"comp":1,"b64":"d29ybGQ="}' 1
  echo '{"op":"restart"}' >&4
  seen a.out '"s":"completed"' 2
  seen b.out '"s":"completed"' 2
  has a.out '"gen":1'
  echo '{"op":"send","comp":1,"b64":"YWdhaW4="}' >&3
  seen b.out '"b64":"YWdhaW4="' 1
  echo '{"op":"stats"}' >&3
  seen a.out '"sent":2,"sent_bytes":10,"received":1' 1
  part

  claim "two peers who both want to control settle it"
  role=controlling
  pair 1 '' ''
  seen a.out '"s":"completed"' 1
  seen b.out '"s":"completed"' 1
  [ "$(cat a.out b.out | grep -c '"ev":"role"')" -eq 1 ] || wrong "no role was changed, or more than one"
  part
  role=controlled

  claim "and with DTLS over it"
  pair 1 active passive
  seen a.out '{"ev":"dtls","id":1,"s":"connected"}' 1
  seen b.out '{"ev":"dtls","id":1,"s":"connected"}' 1
  echo '{"op":"send","b64":"aGVsbG8="}' >&3
  seen b.out '{"ev":"data","id":1,"comp":1,"b64":"aGVsbG8="}' 1
  has a.out '"line":"CLIENT_RANDOM '
  echo '{"op":"close"}' >&3
  seen b.out '{"ev":"dtls","id":1,"s":"closed"' 1
  seen b.out '"s":"disconnected"' 1
  unpair

  # block FILE: the block that it shows. Its base64 may have the letters END, too.
  block() {
    sed -n '/^-----BEGIN ICETANK PEER-----$/,/^-----END ICETANK PEER-----$/p' "$1"
  }
  claim "two people copy and paste, talk, and hang up"
  rm -f a.in b.in
  mkfifo a.in b.in
  : >a.out
  : >b.out
  "$icetank" peer --b <a.in >a.out 2>&1 &
  to_a=$!
  "$icetank" peer --b <b.in >b.out 2>&1 &
  to_b=$!
  exec 3>a.in 4>b.in
  seen a.out 'END ICETANK PEER' 1
  seen b.out 'END ICETANK PEER' 1
  block a.out >&3 # into the wrong window, twice
  seen a.out '* this is your own block: it is for the other side; paste the one that they give you' 1
  block a.out >&3
  seen a.out '* this is your own block' 2
  block a.out >&4
  block b.out >&3
  seen a.out '* connected, direct_udp' 1
  seen b.out '* connected, direct_udp' 1
  echo 'hello there' >&3
  seen b.out '< hello there' 1
  exec 3>&- # Ctrl-D
  code=0
  wait "$to_a" || code=$?
  ends 0
  seen b.out '* closed: remote' 1
  exec 4>&-
  code=0
  wait "$to_b" || code=$?
  ends 0
  claim "two peers whose outputs are each other's inputs connect, and answer no notice"
  rm -f a.in b.in
  mkfifo a.in b.in
  : >a.err
  : >b.err
  sh -c 'echo "$$" >a.pid; exec "$0" peer --b <>a.in >b.in 2>a.err' "$icetank" &
  to_a=$!
  sh -c 'echo "$$" >b.pid; exec "$0" peer --b <>b.in >a.in 2>b.err' "$icetank" &
  to_b=$!
  seen a.err '* connected, direct_udp' 1
  seen b.err '* connected, direct_udp' 1
  sleep 1
  kill "$(cat a.pid)" "$(cat b.pid)"
  wait "$to_a" "$to_b"
  [ "$(wc -l <a.err)" -lt 12 ] || wrong "$(wc -l <a.err) notices: $(tail -n 3 a.err)"
else
  echo "this machine has no address but loopback: no two peers were tried"
fi
finish
