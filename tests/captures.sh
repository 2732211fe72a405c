#!/bin/sh
# Opens captures with tshark: nothing malformed, no expert finding at or above warning, DTLS decrypted without options, names and
# drop comments there. Usage: tests/captures.sh DIR [N]      every N-th capture below DIR/cases (1)
set -eu
dir=$1 step=${2:-1}
command -v tshark >/dev/null 2>&1 || { echo "SKIP: tshark is not here"; exit 77; }
n=0 looked=0 bad=0 decrypted=0 comments=0
for f in "$dir"/cases/*.pcapng; do
  n=$((n + 1))
  [ $((n % step)) -eq 0 ] || continue
  looked=$((looked + 1))
  found=$(tshark -r "$f" -Y '_ws.malformed || _ws.expert.severity >= 6291456' -T fields -e frame.number -e _ws.expert.message 2>/dev/null | head -n 3)
  if [ -n "$found" ]; then bad=$((bad + 1)); printf 'FINDING %s\n%s\n' "$f" "$found"; fi
  # a Finished message is readable only when decrypted
  if tshark -r "$f" -Y 'dtls.handshake.type == 20' 2>/dev/null | grep -q .; then decrypted=$((decrypted + 1)); fi
  if tshark -r "$f" -Y 'frame.comment contains "DROP"' -c 100000 2>/dev/null | grep -q .; then comments=$((comments + 1)); fi
done
echo "$looked captures opened: $bad with findings, $decrypted with decrypted DTLS, $comments with drop comments"
[ "$bad" -eq 0 ]
