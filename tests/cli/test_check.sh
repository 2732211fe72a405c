#!/bin/sh
# icetank check: captures of our own stack break nothing; what is broken, unreadable or cut off is told, and by which exit code.
. tests/cli/lib.sh

claim 'a call of our own breaks no rule, at any tap'
run run "$root/scenarios/hello.lua" --pcap all --out out
ends 0
run check out/cases/hello.pcapng
ends 0
has stdout 'STUN messages'
has stdout ' 0 broken (MUST), 0 not kept (SHOULD), 0 remarks, 0 inconclusive'

claim 'classic pcap is judged as well, by standard input, too'
run export out/cases/hello.pcapng hello.pcap
run check hello.pcap
ends 0
has stdout ' 0 broken (MUST)'
code=0
"$icetank" check - <hello.pcap >stdout 2>stderr || code=$?
ends 0
has stdout '-: '

# A Binding success response without XOR-MAPPED-ADDRESS, over IPv4 in a raw capture of one packet.
broken() {
  printf '\324\303\262\241\002\000\004\000\000\000\000\000\000\000\000\000\377\377\000\000\145\000\000\000'
  printf '\000\000\000\000\000\000\000\000\060\000\000\000\060\000\000\000'
  printf '\105\000\000\060\000\001\000\000\100\021\000\000\300\000\002\001\306\063\144\002'
  printf '\015\226\003\350\000\034\000\000'
  printf '\001\001\000\000\041\022\244\102\001\002\003\004\005\006\007\010\011\012\013\014'
}
claim 'what is broken is told with its section, its frame and a filter'
broken >broken.pcap
run check broken.pcap
ends 1
has stdout 'fail         STUN-8489-6.3.1-d  192.0.2.1:3478  1 time'
has stdout '(RFC 8489 section 6.3.1, MUST)'
has stdout 'seen       frame 1: Binding success response: there is no XOR-MAPPED-ADDRESS'
has stdout 'filter     frame.number == 1'

claim 'JSON lines and SARIF say the same'
run check broken.pcap --json
ends 1
has stdout '"kind":"finding","file":"broken.pcap","id":"STUN-8489-6.3.1-d","verdict":"fail"'
has stdout '"kind":"summary","file":"broken.pcap","fail":1'
run check broken.pcap --sarif
ends 1
has stdout '"ruleId":"STUN-8489-6.3.1-d","level":"error"'
run check broken.pcap --sarif --json
ends 2
says 'icetank: check: --json or --sarif, not both'

claim 'a capture that is cut off is judged as far as it goes, and told'
head -c 80 broken.pcap >cut.pcap
run check cut.pcap
ends 2
has stdout 'ends early'
has stderr 'cut.pcap: '

claim 'a capture without STUN is no verdict'
head -c 24 broken.pcap >empty.pcap
run check empty.pcap
ends 3

claim 'what cannot be read is a clear line'
run check nothing.pcap
ends 2
says 'icetank: check: nothing.pcap: No such file or directory'
echo 'no capture' >text
run check text
ends 2
has stderr 'icetank: check: text: unknown file format'
echo 'ice abcd' >creds
run check broken.pcap --creds creds
ends 2
says 'icetank: check: creds:1: "ice UFRAG PASSWORD" or "turn USERNAME PASSWORD" is wanted'
run check broken.pcap --vantage moon
ends 2
finish
