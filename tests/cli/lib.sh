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
finish() {
  settle
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
