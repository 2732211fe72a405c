#!/bin/sh
# The servers that speak HTTP and WebSocket, and TLS, on real sockets: clients of other libraries, limits, logs, the end.
. tests/cli/lib.sh

python=/usr/bin/python3
have_ws=false
if package python3-websockets && "$python" -c 'import websockets' 2>/dev/null; then have_ws=true; fi
have_curl=false
if command -v curl >/dev/null 2>&1 || package curl; then have_curl=true; fi

# web CASE URL [MORE...]: one case of the foreign client
web() {
  timeout 120 "$python" "$root/tests/cli/web_client.py" "$@" >client 2>&1 || wrong "$1: $(tail -n 3 client)"
}

if $have_ws; then
  for case in messages again refused full crowd; do
    claim "a foreign WebSocket client at the signal server: $case"
    serve 1 signal --listen 127.0.0.1:0 --rate 0
    web "$case" "ws://127.0.0.1:$(port_of tcp)"
    ended TERM
    ends 0
  done

  claim "the signal server has a log for people"
  serve 1 signal --listen 127.0.0.1:0
  port=$(port_of tcp)
  web again "ws://127.0.0.1:$port"
  web refused "ws://127.0.0.1:$port"
  ended INT
  ends 0
  grep -qE 'serve signal: 127\.0\.0\.1:[0-9]+ has mailbox bob, by WebSocket$' errors || wrong "its log: $(cat errors)"
  grep -qE 'serve signal: 127\.0\.0\.1:[0-9]+ is refused: 400, its query has no box and key, or what is none$' errors || wrong "its log: $(cat errors)"
  grep -qE 'serve signal: the WebSocket of 127\.0\.0\.1:[0-9]+ is closed: 1008, a message that is no record$' errors || wrong "its log: $(cat errors)"
  has errors 'signal: 1 messages taken, 0 delivered'
  has errors 'serve signal: stopped after'

  claim "the signal server says goodbye: WebSockets are closed with 1001"
  serve 1 signal --listen 127.0.0.1:0 --quiet
  port=$(port_of tcp)
  timeout 60 "$python" "$root/tests/cli/web_client.py" until_shutdown "ws://127.0.0.1:$port" >client 2>&1 &
  client=$!
  n=0
  until grep -q ready client || [ "$n" -ge 300 ]; do
    sleep 0.1
    n=$((n + 1))
  done
  ended TERM
  ends 0
  wait "$client" || wrong "the client: $(tail -n 3 client)"
  has client 'closed 1001'
  [ ! -s errors ] || wrong "stderr: $(cat errors)"

  claim "a foreign WebSocket client at the server of RTMFP: NetConnections, and a stream from one to the other"
  serve 2 rtmfp --listen 127.0.0.1:0 --quiet
  web rtmfp "ws://127.0.0.1:$(port_of tcp)"
  ended TERM
  ends 0

  for name_of in ws relay; do
    claim "a foreign WebSocket client at the media relay, which is $name_of: two in a room"
    serve 1 "$name_of" --listen 127.0.0.1:0
    web relay "ws://127.0.0.1:$(port_of tcp)"
    ended TERM
    ends 0
    grep -qE 'serve ws: 127\.0\.0\.1:[0-9]+ is alice in room a-room\.\.\.$' errors || wrong "its log: $(cat errors)"
    grep -qE 'serve ws: 127\.0\.0\.1:[0-9]+, bob, has left room a-room\.\.\.$' errors || wrong "its log: $(cat errors)"
    has errors 'is refused: 409'
    has errors '201 datagrams'
    lacks errors 'a-room-of-sixteen' # who reads a log enters no room
  done

  claim "the media relay says goodbye: WebSockets are closed with 1001"
  serve 1 ws --listen 127.0.0.1:0 --quiet
  port=$(port_of tcp)
  timeout 60 "$python" "$root/tests/cli/web_client.py" until_shutdown "ws://127.0.0.1:$port" '' relay >client 2>&1 &
  client=$!
  n=0
  until grep -q ready client || [ "$n" -ge 300 ]; do
    sleep 0.1
    n=$((n + 1))
  done
  ended TERM
  ends 0
  wait "$client" || wrong "the client: $(tail -n 3 client)"
  has client 'closed 1001'
else
  claim "a foreign WebSocket client"
  lacks_here "python3-websockets is not installed"
fi

if $have_curl; then
  # ask QUERY [OPTION...]: what the signal server on $port answers, in the file answer
  ask() {
    query=$1
    shift
    curl -sS --max-time 60 "$@" "http://127.0.0.1:$port/?$query" >answer 2>&1 || wrong "curl: $(cat answer)"
  }
  claim "long poll by curl: a poll that is held gets the message when it comes, and once it was seen no more"
  serve 1 signal --listen 127.0.0.1:0
  port=$(port_of tcp)
  curl -sS --max-time 60 "http://127.0.0.1:$port/?box=bob&key=k2&hold=25" >held 2>&1 &
  poll=$!
  n=0
  until grep -q 'has mailbox bob, by HTTP' errors || [ "$n" -ge 300 ]; do
    sleep 0.1
    n=$((n + 1))
  done
  [ ! -s held ] || wrong "it was not held: $(cat held)"
  ask 'box=alice&key=k1' --data-binary '{"to":"bob","id":1,"data":"hello"}'
  has answer '{"taken":1}'
  wait "$poll" || wrong "curl: $(cat held)"
  has held '"from":"alice","data":"hello"}'
  run_name=$(sed -n 's/^{"hello":"\([^"]*\)".*/\1/p' held)
  ask "box=bob&key=k2&run=$run_name&seen=0"
  has answer '"data":"hello"' # it was not acknowledged
  ask "box=bob&key=k2&run=$run_name&seen=1"
  lacks answer '"data"'

  claim "and what is no request of its kind is refused, with what it is"
  for want in '400 box=' '405 box=bob&key=k2 -X PUT' '400 box=alice&key=k1 --data-binary [1]'; do
    # shellcheck disable=SC2086 # words
    set -- $want
    status=$1
    shift
    query=$1
    shift
    got=$(curl -sS --max-time 60 -o /dev/null -w '%{http_code}' "$@" "http://127.0.0.1:$port/?$query")
    [ "$got" = "$status" ] || wrong "$want: $got"
  done
  head -c 20000 /dev/zero | tr '\0' x >large
  got=$(curl -sS --max-time 60 -o /dev/null -w '%{http_code}' --data-binary @large "http://127.0.0.1:$port/?box=alice&key=k1")
  [ "$got" = 413 ] || wrong "a body that is too large: $got"
  grep -qE '127.0.0.1:[0-9]+ is refused: 413, a body is larger than agreed' errors || wrong "its log: $(cat errors)"
  grep -qE '127.0.0.1:[0-9]+ is refused: 400, its query has no box and key' errors || wrong "its log: $(cat errors)"

  claim "a poll that is held is answered when the server ends"
  curl -sS --max-time 60 "http://127.0.0.1:$port/?box=carol&key=k3&hold=25" >held 2>&1 &
  poll=$!
  n=0
  until grep -q 'has mailbox carol' errors || [ "$n" -ge 300 ]; do
    sleep 0.1
    n=$((n + 1))
  done
  ended TERM
  ends 0
  wait "$poll" || wrong "curl: $(cat held)"
  has held '{"hello":"'

  claim "of one address so many mailboxes are had, and no more"
  serve 1 signal --listen 127.0.0.1:0 --each 3
  port=$(port_of tcp)
  lines='{"to":"a","id":1,"data":""}
{"to":"b","id":2,"data":""}
{"to":"c","id":3,"data":""}'
  curl -sS --max-time 60 "http://127.0.0.1:$port/?box=mallory&key=k" --data-binary "$lines" >answer 2>&1 || wrong "curl: $(cat answer)"
  has answer '{"taken":2}'
  has answer '{"refused":3,"why":"limit"}'
  got=$(curl -sS --max-time 60 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/?box=d&key=k")
  [ "$got" = 429 ] || wrong "one more: $got"
  got=$(curl -sS --max-time 60 --interface 127.0.0.2 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/?box=d&key=k")
  [ "$got" = 200 ] || wrong "somebody else: $got"
  ended TERM
  ends 0

  claim "connections beyond the rate of their source are reset, and counted"
  serve 1 signal --listen 127.0.0.1:0 --rate 1
  port=$(port_of tcp)
  n=0 failed_ones=0
  while [ "$n" -lt 8 ]; do
    curl -sS --max-time 20 "http://127.0.0.1:$port/?box=bob&key=k2" >/dev/null 2>&1 || failed_ones=$((failed_ones + 1))
    n=$((n + 1))
  done
  [ "$failed_ones" -ge 1 ] || wrong "none of 8 was"
  ended TERM
  ends 0
  grep -qE "stopped after [0-9]+ s, $((8 - failed_ones)) connections taken, $failed_ones beyond the rate" errors || wrong "$failed_ones, and its log: $(tail -n 1 errors)"
else
  claim "long poll by curl"
  lacks_here "curl is not installed"
fi

# pair NAME: a key, and a certificate of localhost that it signs
pair() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 2 -subj '/CN=localhost' \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' >/dev/null 2>&1
}
if pair own && pair other; then
  if $have_curl; then
    claim "by TLS, beside the port without: curl and a client that trusts another certificate"
    serve 4 signal --listen 127.0.0.1:0 --listen '[::1]:0' --cert own.pem --key own.key --tls-port 0
    port=$(port_of tls)
    curl -sS --max-time 60 --cacert own.pem "https://localhost:$port/?box=bob&key=k2" >answer 2>&1 || wrong "curl: $(cat answer)"
    has answer '{"hello":"'
    curl -sS --max-time 60 --cacert own.pem --tls-max 1.2 "https://[::1]:$port/?box=bob&key=k2" -k >answer 2>&1 || wrong "curl: $(cat answer)"
    has answer '{"hello":"'
    curl -sS --max-time 60 --cacert other.pem "https://localhost:$port/?box=bob&key=k2" >answer 2>&1 && wrong "it trusts anybody"
    curl -sS --max-time 60 "http://127.0.0.1:$(port_of tcp)/?box=bob&key=k2" >answer 2>&1 || wrong "curl: $(cat answer)"
    ended TERM
    ends 0
  fi
  if $have_ws; then
    claim "a foreign WebSocket client by TLS: signaling and the relay"
    serve 2 signal --listen 127.0.0.1:0 --cert own.pem --key own.key --tls-port 0 --quiet
    web messages "wss://localhost:$(port_of tls)" own.pem
    ended TERM
    ends 0
    serve 3 rtmfp --listen 127.0.0.1:0 --cert own.pem --key own.key --tls-port 0 --quiet
    web rtmfp "wss://localhost:$(port_of tls)" own.pem
    ended TERM
    ends 0
    serve 2 ws --listen 127.0.0.1:0 --cert own.pem --key own.key --tls-port 0 --quiet
    web relay "wss://localhost:$(port_of tls)" own.pem
    ended TERM
    ends 0
  fi

  claim "what is wrong with a certificate, its key and the options for them is one line"
  run serve signal --listen 127.0.0.1:0 --cert own.pem --key other.key
  ends 2
  says 'icetank: serve signal: other.key: the key is not that of the certificate'
  run serve signal --listen 127.0.0.1:0 --cert own.key --key own.key
  ends 2
  says 'icetank: serve signal: own.key: there is no certificate in it (PEM)'
  run serve ws --listen 127.0.0.1:0 --cert own.pem --key own.pem
  ends 2
  says 'icetank: serve ws: own.pem: there is no private key in it (PEM, without a password)'
  run serve ws --listen 127.0.0.1:0 --cert missing.pem --key own.key
  ends 2
  says 'icetank: serve ws: missing.pem: No such file or directory'
  run serve ws --listen 127.0.0.1:0 --cert own.pem
  ends 2
  says 'icetank: serve ws: TLS needs both --cert and --key'
  run serve stun --listen 127.0.0.1:0 --cert own.pem --key own.key
  ends 2
  says 'icetank: serve stun: it has no TLS: no --cert, --key, --tls-port'
else
  claim "servers by TLS"
  lacks_here "openssl makes no certificate"
fi

claim "STUN by TCP: requests behind each other and in pieces, and what is none"
serve 2 stun --listen 127.0.0.1:0
port=$(port_of tcp)
cat >ask.py <<'PY'
import os, socket, struct, sys
at = ("127.0.0.1", int(sys.argv[1]))
COOKIE = 0x2112a442
def request(n, body=b""):
    return struct.pack("!HHI", 1, len(body), COOKIE) + bytes([n] * 12) + body
def answers(s, n):
    for i in range(n):
        head = b""
        while len(head) < 20: head += s.recv(20 - len(head)) or sys.exit("it ended")
        kind, size, cookie = struct.unpack("!HHI", head[:8])
        assert cookie == COOKIE and head[8:] == bytes([i] * 12), head
        body = b""
        while len(body) < size: body += s.recv(size - len(body)) or sys.exit("it ended")
        if kind == 0x111:
            continue
        assert kind == 0x101, hex(kind)
        while body:
            what, long = struct.unpack("!HH", body[:4])
            if what == 0x20:
                port = struct.unpack("!H", body[6:8])[0] ^ COOKIE >> 16
                assert port == s.getsockname()[1], port
            body = body[4 + (long + 3) // 4 * 4:]
s = socket.create_connection(at, 30)
s.settimeout(30)
s.sendall(b"".join(request(i) for i in range(200)))
answers(s, 200)
for b in request(0): s.sendall(bytes([b]))
answers(s, 1)
s.sendall(request(0, struct.pack("!HHI", 3, 4, 4)))  # CHANGE-REQUEST: 420 by TCP
answers(s, 1)
s.sendall(request(0)); s.shutdown(socket.SHUT_WR)
answers(s, 1)
assert s.recv(1) == b""
for bad in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", struct.pack("!HHI", 1, 2000, COOKIE) + bytes(12)):
    s = socket.create_connection(at, 30)
    s.settimeout(30)
    s.sendall(bad)
    try:
        assert s.recv(1) == b"", "an answer"
    except ConnectionResetError:
        pass
many = [socket.create_connection(at, 30) for _ in range(40)]
for m in many:
    m.settimeout(30); m.sendall(request(0)); answers(m, 1)
PY
timeout 120 "$python" ask.py "$port" >client 2>&1 || wrong "$(tail -n 3 client)"
ended TERM
ends 0
grep -qE 'stun: 243 requests by TCP in 43 connections, of which 0 too many, 0 silent, 2 something else' errors || wrong "its log: $(cat errors)"
finish
