# shellcheck shell=sh
# What the tests of the command line share. Source it; $icetank is the program, $root the repository; the working folder is a fresh
# one and goes away at the end.
#
#   claim NAME      begins a test; what follows until the next belongs to it
#   run ARG...      runs icetank: exit code in $code, output in the files stdout and stderr
#   ends CODE       it ended with that code
#   says TEXT       standard error is exactly this
#   prints TEXT     standard output is exactly this
#   has FILE TEXT   some line of FILE has TEXT in it
#   lacks FILE TEXT none has
#   scenario FILE   a scenario file from standard input
#   lacks_here WHY  it cannot be tested here, which in CI is a failure
# At the end: finish prints "N passed, N failed" and gives the exit code. Every test counts once, however much it looks at.
set -u
icetank=${B:-build}/icetank
case $icetank in /*) ;; *) icetank=$PWD/$icetank ;; esac
export root="$PWD"
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 99
passed=0 failed=0 name='' bad=0

settle() {
  [ -n "$name" ] || return 0
  if [ "$bad" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  name=''
}
claim() {
  settle
  name=$1 bad=0
}
wrong() {
  [ "$bad" -eq 1 ] || echo "FAIL $name"
  bad=1
  printf '     %s\n' "$@"
}
run() {
  code=0
  "$icetank" "$@" >stdout 2>stderr </dev/null || code=$?
}
ends() { [ "$code" -eq "$1" ] || wrong "exit code $code, not $1" "stderr: $(head -c 400 stderr)"; }
says() { [ "$(cat stderr)" = "$1" ] || wrong "stderr is not: $1" "but: $(head -c 600 stderr)"; }
prints() { [ "$(cat stdout)" = "$1" ] || wrong "stdout is not: $1" "but: $(head -c 600 stdout)"; }
has() { grep -qF -e "$2" "$1" || wrong "$1 lacks: $2" "it is: $(head -c 600 "$1")"; }
lacks() { if grep -qF -e "$2" "$1"; then wrong "$1 has: $2"; fi; }
same() { cmp -s "$1" "$2" || wrong "$1 and $2 differ"; }
scenario() {
  mkdir -p "$(dirname "$1")"
  cat >"$1"
}
# lacks_here REASON: the claim cannot be held to anything on this machine: it counts as nothing, and in CI as a failure.
lacks_here() {
  if [ -n "${CI:-}" ]; then
    wrong "cannot be tested: $1"
    return
  fi
  echo "SKIP $name: $1"
  name=''
}
# package NAME: a Debian package, installed in CI where it is missing; false: it is not here.
package() {
  if dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; then return 0; fi
  if [ -z "${CI:-}" ] || ! command -v apt-get >/dev/null 2>&1; then return 1; fi
  root=sudo
  [ "$(id -u)" -ne 0 ] || root=
  # shellcheck disable=SC2086 # no root is no word
  { $root apt-get update -qq && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"; } >&2
}
# serve N ARG...: starts a server in the background, $pid; returns once it has said N times where it is.
serve() {
  lines=$1
  shift
  : >served
  "$icetank" serve "$@" >>served 2>errors </dev/null &
  pid=$!
  n=0
  until [ "$(grep -c '^listening' served)" -ge "$lines" ] || [ "$n" -ge 300 ]; do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
    n=$((n + 1))
  done
}
# ended SIGNAL: ends it by that; its exit code in $code.
ended() {
  kill -s "$1" "$pid"
  code=0
  wait "$pid" || code=$?
}
# port_of TRANSPORT: where it listens on 127.0.0.1.
port_of() { sed -n "s/^listening $1 127.0.0.1://p" served | head -n 1; }
finish() {
  settle
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
