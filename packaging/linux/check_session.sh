#!/bin/sh
# Runs inside the clean system as an ordinary user: a private desktop, the installed program, requests through it.
#   check_session.sh first VERSION    sets a provider and its key, then uses them
#   check_session.sh upgraded VERSION uses what `first` has left, and sees that it is unchanged
# PORT and DEMO_PORT are the ports to use. While `first` waits with its program running, the file ~/answering is there;
# it goes on when ~/go-on appears, and asks once more.
set -eu

step() { echo "  $*"; }
fail() { echo "check: $*" >&2; exit 1; }
wait_for() {  # wait_for WHAT COMMAND...: up to 30 s
  what=$1; shift; tries=300
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1)); [ "$tries" -gt 0 ] || fail "waited in vain for $what"
    sleep 0.1
  done
}
has_window() { xwininfo -root -tree | grep -q '"Switchtower"'; }
reachable() { curl -sf "http://127.0.0.1:$1/health"; }
ask() {
  curl -sf "http://127.0.0.1:$PORT/v1/chat/completions" -H "Authorization: Bearer $(switchtower token show)" \
    -H "Content-Type: application/json" -d '{"model":"demo-small","messages":[{"role":"user","content":"package check"}]}'
}
answered() { ask | grep -q '"package check\|package check'; }

stage=$1
version=$2
cd "$HOME"
export XDG_RUNTIME_DIR="$HOME/run" LC_ALL=C.UTF-8 DISPLAY=:98
mkdir -p "$XDG_RUNTIME_DIR" && chmod 700 "$XDG_RUNTIME_DIR"

rm -f "/tmp/.X${DISPLAY#:}-lock"  # of a session before, whose processes ended with it
Xvfb "$DISPLAY" -screen 0 1280x800x24 -nolisten tcp >/dev/null 2>&1 &
DBUS_SESSION_BUS_ADDRESS=$(dbus-daemon --session --fork --print-address)
export DBUS_SESSION_BUS_ADDRESS
printf 'a password for this check' | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
wait_for "the screen" xwininfo -root

[ "$(switchtower --version)" = "switchtower $version" ] || fail "this is not version $version: $(switchtower --version)"
step "version $version"

env -u DISPLAY switchtower demo --port "$DEMO_PORT" >/dev/null 2>&1 &
wait_for "the invented providers" reachable "$DEMO_PORT"

if [ "$stage" = first ]; then
  switchtower providers add openai-compatible --id check --base-url "http://127.0.0.1:$DEMO_PORT/v1" >/dev/null
  printf 'sk-local-demo-0123456789' | switchtower keys set check >/dev/null
  cp "$(switchtower config path)" before.toml
  step "a provider is set, its key is in the keyring"
fi
switchtower keys list | grep -q '^check .*6789' || fail "the keyring does not have the key: $(switchtower keys list)"

switchtower --port "$PORT" >program.out 2>&1 &
program=$!
wait_for "the window" has_window
step "the window is on the screen"
wait_for "the proxy" reachable "$PORT"
wait_for "an answer" answered
step "a request is answered"

if [ "$stage" = first ]; then
  touch answering
  wait_for "the upgrade" test -e go-on
  kill -0 "$program" || fail "the running program did not outlive the upgrade"
  wait_for "an answer of the old program" answered
  step "the old program goes on answering while the new one is installed"
else
  cmp before.toml "$(switchtower config path)" || fail "the settings have changed"
  switchtower usage --json | grep -q '"requests": *[1-9]' || fail "the usage is gone"
  step "settings, key and usage are as they were"
fi

kill -TERM "$program"
wait "$program" || fail "it ended with exit code $?: $(cat program.out)"
step "ended when asked"
