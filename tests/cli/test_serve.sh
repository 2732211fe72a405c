#!/bin/sh
# Servers on real sockets: what they print, how they end, what they cannot have.
. tests/cli/lib.sh

for sig in INT TERM; do
  claim "a server says where it is and ends with 0 by SIG$sig"
  serve 2 stun --listen 127.0.0.1 --port 0
  grep -qE '^listening tcp 127\.0\.0\.1:[0-9]+$' served || wrong "it said: $(cat served)"
  grep -qE '^listening udp 127\.0\.0\.1:[0-9]+$' served || wrong "it said: $(cat served)"
  ended "$sig"
  ends 0
  has errors 'serve stun: started, process'
  has errors 'serve stun: stopped after'
done

claim "quiet says nothing for people"
serve 4 stun --listen 127.0.0.1:0 --listen '[::1]:0' --quiet
ended TERM
ends 0
[ ! -s errors ] || wrong "stderr: $(cat errors)"
grep -qE '^listening udp \[::1\]:[0-9]+$' served || wrong "no IPv6: $(cat served)"

claim "a port that is taken is one line and 77"
serve 2 stun --listen 127.0.0.1:0 --quiet
port=$(sed -n 's/^listening udp 127.0.0.1://p' served)
run serve stun --listen "127.0.0.1:$port"
ends 77
says "icetank: serve stun: 127.0.0.1:$port: the address and port are in use"
ended TERM

claim "an address that is not this machine's is one line and 77"
run serve stun --listen 198.51.100.77:3478
ends 77
says 'icetank: serve stun: 198.51.100.77:3478: this machine has no such address'

claim "no address says that it listens where another one, or that of relays, cannot be had"
for more in '--listen 198.51.100.77' '--listen 224.0.0.1' '--listen [fe80::1]:0' '--open --relay 198.51.100.77' '--open --relay 224.0.0.1'; do
  # shellcheck disable=SC2086 # words
  run serve turn --open --listen 127.0.0.1 --port 0 $more
  ends 77
  prints ''
done
says 'icetank: serve turn: 224.0.0.1:0: no address of one host (multicast, or fe80:: without its link)'
claim "an option of another service is an error that names it"
for option in '--user=a:b' --users=u --open --realm=r --relay=127.0.0.1 --relay-ports=1-2 --allocations=1 --per-user=1 --allow-peer=10.0.0.0/8 --deny-peer=10.0.0.0/8; do
  run serve stun --port 0 "$option"
  ends 2
  says "icetank: serve stun: ${option%%=*} is of serve turn; see icetank serve --help"
done
claim "an output that takes nothing is said to take nothing, before anything is served"
code=0
"$icetank" serve stun --listen 127.0.0.1 --port 0 >/dev/full 2>stderr || code=$?
ends 4
says 'icetank: serve stun: standard output: No space left on device'

claim "two addresses make a square for NAT behavior discovery"
serve 2 stun --listen 127.0.0.1:0 --quiet
port=$(sed -n 's/^listening udp 127.0.0.1://p' served)
ended TERM
serve 6 stun --listen "127.0.0.1:$port" --listen "127.0.0.2:$port" --quiet
[ "$(grep -c '^listening udp 127' served)" -eq 4 ] || wrong "$(cat served)"
if command -v turnutils_natdiscovery >/dev/null 2>&1; then
  timeout 30 turnutils_natdiscovery -m -f -p "$port" 127.0.0.1 >nat 2>&1 || wrong "coturn's client: $(tail -n 3 nat)"
  has nat 'Endpoint Independent Mapping'
  has nat 'Endpoint Independent Filtering'
fi
ended TERM
ends 0

# asked REQUEST: what the server on $port answers to an HTTP request, in the file answer.
asked() {
  bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "%b" "$2" >&3 && timeout 5 cat <&3' - "$port" "$1" >answer 2>/dev/null
}
claim "the signal server carries a message from one mailbox to another by plain HTTP"
serve 1 signal --listen 127.0.0.1:0 --quiet
port=$(sed -n 's/^listening tcp 127.0.0.1://p' served)
record='{"to":"bob","id":1,"data":"hello"}'
asked "POST /?box=alice&key=k1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${#record}\r\n\r\n$record"
has answer '{"taken":1}'
asked "GET /?box=bob&key=k2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
has answer '"from":"alice","data":"hello"}'
run serve signal --listen "127.0.0.1:$port"
ends 77
says "icetank: serve signal: 127.0.0.1:$port: the address and port are in use"
ended TERM
ends 0

claim "the rendezvous server refuses a call for whom nobody listens, and rings who does"
serve 1 rendezvous --listen 127.0.0.1:0 --quiet
port=$(sed -n 's/^listening tcp 127.0.0.1://p' served)
told() { # told BOX KEY TEXT ID: that mailbox tells the server
  record="{\"to\":\"rendezvous\",\"id\":$4,\"data\":\"$3\"}"
  asked "POST /?box=$1&key=$2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${#record}\r\n\r\n$record"
}
told a k1 'call 00000000000000ff 0 bob' 1
asked "GET /?box=a&key=k1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
has answer '"data":"absent 00000000000000ff"'
told b k2 'listen bob' 1
told a k1 'call 00000000000000fe 0 bob' 2
asked "GET /?box=b&key=k2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
has answer '"data":"listening bob"'
has answer '"data":"call 00000000000000fe"'
ended TERM
ends 0

claim "the rendezvous server of RTMFP answers an IHello, with 3.5 times its bytes at most"
serve 2 rtmfp --listen 127.0.0.1:0 --quiet
port=$(sed -n 's/^listening udp 127.0.0.1://p' served)
hello='\xed\xcf\x28\x6b\x71\x02\xcc\x8a\x9c\xcd\xe4\xe1\x7b\x58\x58\x18\xa7\x11\x39\xb5\x10\x57\x9c\x21\xf2\xf6\xeb\x7f\x92\x98\xb9\x7c\x7d\x8f\xdf\xbe\x02\x09\x72\xf8\xf7\xfa\x6f\x37\xf8\x64\x89\x1f\xc3\x82\x59\x2c' # of 52 bytes, by another implementation
size=$(bash -c 'exec 3<>"/dev/udp/127.0.0.1/$1" && printf "%b" "$2" >&3 && timeout 5 dd bs=2000 count=1 <&3 2>/dev/null | wc -c' - "$port" "$hello")
[ "$size" -eq 180 ] || wrong "an answer of $size bytes"
ended TERM
ends 0

# a server for two users, of which the tests are one
printf '# who may\nuser:secret\nother:pass:word\n' >users.txt
relay() {
  serve 2 turn --users users.txt --listen 127.0.0.1 --port 0 --allow-peer 127.0.0.1 "$@"
  port=$(sed -n 's/^listening udp 127.0.0.1://p' served)
  tcp=$(sed -n 's/^listening tcp 127.0.0.1://p' served)
}
if command -v turnutils_uclient >/dev/null 2>&1; then
  claim "the TURN server relays for coturn's client, and has a log for people"
  relay --relay-ports 50000-50999
  timeout 60 turnutils_uclient -u user -w secret -p "$port" -y -s -c -n 25 -m 2 -z 2 127.0.0.1 >uclient 2>&1 || wrong "coturn's client: $(tail -n 3 uclient)"
  has uclient 'Total lost packets 0 '
  timeout 60 turnutils_uclient -t -u user -w secret -p "$tcp" -y -s -c -n 25 -m 2 -z 2 127.0.0.1 >uclient 2>&1 || wrong "coturn's client: $(tail -n 3 uclient)"
  has uclient 'Total lost packets 0 '
  ended TERM
  ends 0
  grep -qE 'serve turn: 127\.0\.0\.1:[0-9]+, user, has 127\.0\.0\.1:50[0-9]{3}$' errors || wrong "its log: $(head -n 5 errors)"
  has errors 'has left'
  grep -qE 'turn: [0-9]+ datagrams \([0-9]+ bytes\) to peers' errors || wrong "its log: $(tail -n 2 errors)"

  claim "a wrong password is refused, and a user has only so many addresses"
  relay --per-user 1
  timeout 20 turnutils_uclient -u user -w wrong -p "$port" -y -s -c -n 1 -m 1 127.0.0.1 >uclient 2>&1 || true
  has uclient "Cannot complete Allocation"
  timeout 20 turnutils_uclient -u user -w secret -p "$port" -y -s -c -n 1 -m 2 127.0.0.1 >uclient 2>&1 || true
  has uclient 'error 486'
  ended INT
  ends 0
  has errors 'is refused: 486'
fi

claim "a TURN server lets nobody in by mistake"
run serve turn --listen 127.0.0.1:0
ends 2
says 'icetank: serve turn: name its users by --users or --user, or say --open for everybody'
run serve turn --open --user a:b --listen 127.0.0.1:0
ends 2
says 'icetank: serve turn: it has users, or it is --open'
printf 'user:secret\nnobody\n' >bad.txt
run serve turn --users bad.txt
ends 2
says 'icetank: serve turn: bad.txt:2: a user is NAME:PASSWORD'
run serve turn --users missing.txt
ends 2
says 'icetank: serve turn: missing.txt: No such file or directory'
run serve turn --user alice:
ends 2
says 'icetank: serve turn: --user: a password has at least one byte'
run serve turn --relay-ports 60000-50000 --open
ends 2
run serve turn --allow-peer nowhere --open
ends 2

claim "a relay that answers checks prints what each end of its rooms is told, and ends with 0"
serve 5 checkrelay --rooms 2 --listen 127.0.0.1:0 --quiet
grep -qE '^listening udp 127\.0\.0\.1:[0-9]+$' served || wrong "it said: $(cat served)"
[ "$(grep -cE '^room [12] end [12]( [A-Za-z0-9+/]{12} [A-Za-z0-9+/]{24}){2}$' served)" -eq 4 ] || wrong "it said: $(cat served)"
ended TERM
ends 0
run serve stun --rooms 2 --port 0
ends 2
says 'icetank: serve stun: --rooms is of serve checkrelay; see icetank serve --help'
run serve checkrelay --rooms 0
ends 2
run serve checkrelay --open
ends 2
says 'icetank: serve checkrelay: --open is of serve turn; see icetank serve --help'

claim "a service that is not there is answered with those that are"
run serve gopher
ends 2
says 'icetank: serve: no service "gopher"; there are: stun, turn, ws, signal, rendezvous, checkrelay, rtmfp'
run serve stnu
ends 2
says 'icetank: serve: no service "stnu"; did you mean "stun"?'

claim "an option that is none of its kind is refused"
run serve stun --port 65536
ends 2
run serve stun --listen nowhere
ends 2
run serve stun --rate -1
ends 2
finish
