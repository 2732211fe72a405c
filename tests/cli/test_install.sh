#!/bin/sh
# make install and uninstall: what goes where, that it runs from there, that nothing of it stays.
. tests/cli/lib.sh

# make in the repository with the program under test, which is built: |install| must not build it anew
make_in() { make -s -C "$root" B="${icetank%/icetank}" "$@" >stdout 2>stderr </dev/null; }
tree() { (cd "$1" && find . \( -type f -o -type l \) | LC_ALL=C sort); }

claim "install puts program, man page, editor file, library and Wireshark profile below DESTDIR and PREFIX, and nothing else"
make_in install DESTDIR="$work/dest" PREFIX=/opt/it || wrong "make install: $(cat stderr)"
tree dest >have
cat >want <<'LIST'
./opt/it/bin/icetank
./opt/it/share/icetank/icetank.d.lua
./opt/it/share/icetank/scenarios/lib/c.lua
./opt/it/share/icetank/scenarios/lib/cost.lua
./opt/it/share/icetank/scenarios/lib/d.lua
./opt/it/share/icetank/scenarios/lib/ice.lua
./opt/it/share/icetank/scenarios/lib/measure.lua
./opt/it/share/icetank/scenarios/lib/population.lua
./opt/it/share/icetank/scenarios/lib/tradeoff.lua
./opt/it/share/icetank/wireshark/plugins/rtmfp-dissector.lua
./opt/it/share/icetank/wireshark/profiles/icetank/colorfilters
./opt/it/share/icetank/wireshark/profiles/icetank/preferences
./opt/it/share/man/man1/icetank.1
LIST
same have want

claim "what is installed is what the program prints, readable by all"
"$icetank" help --man >man.1
"$icetank" lua-api >api.lua
same man.1 dest/opt/it/share/man/man1/icetank.1
same api.lua dest/opt/it/share/icetank/icetank.d.lua
same "$root/scenarios/lib/ice.lua" dest/opt/it/share/icetank/scenarios/lib/ice.lua
[ "$(stat -c %a dest/opt/it/bin/icetank dest/opt/it/share/man/man1/icetank.1 | tr '\n' ' ')" = '755 644 ' ] || wrong "modes: $(ls -lR dest)"
if command -v man >/dev/null 2>&1 && command -v groff >/dev/null 2>&1; then
  man --warnings -l dest/opt/it/share/man/man1/icetank.1 >page 2>warnings || wrong "man: $(cat warnings)"
  [ ! -s warnings ] || wrong "$(head -n 5 warnings)"
  has page 'EXIT STATUS'
fi

claim "the installed program needs nothing of the repository"
scenario alone.lua <<'LUA'
local tank, ice = require "icetank", require "lib.ice"
return tank.scenario { "alone", run = function(t) t:check { "the library is in the program", type(ice), equals = "table" } end }
LUA
code=0
dest/opt/it/bin/icetank run alone.lua --out o --pcap none >stdout 2>stderr || code=$?
ends 0
prints '1 as predicted, 0 not, 0 errors, 0 unsupported
report: o/index.html'

claim "uninstall removes what install put there and leaves what others did"
: >dest/opt/it/bin/other
make_in uninstall DESTDIR="$work/dest" PREFIX=/opt/it || wrong "make uninstall: $(cat stderr)"
tree dest >have
echo ./opt/it/bin/other >want
same have want
[ ! -e dest/opt/it/share/icetank ] || wrong "the folder stays"

claim "uninstall of what is not there is no error"
make_in uninstall DESTDIR="$work/nowhere" || wrong "$(cat stderr)"
finish
