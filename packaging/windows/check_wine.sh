#!/usr/bin/env bash
# Install, upgrade and remove both installers under Wine, without a screen, with stand-ins for the program itself.
# Needs wine, nsis, wixl and the environment (python3 packaging/dev.py setup). An optional job: Wine is large and slow.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
export WINEPREFIX=$work/prefix WINEDEBUG=-all WINEDLLOVERRIDES='mscoree=;mshtml=' WINEARCH=win64
unset DISPLAY WAYLAND_DISPLAY
finish() { wineserver -k || true; rm -rf "$work"; }
trap finish EXIT

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
there() { [ -e "$1" ] || fail "$1 is missing"; }
gone() { [ ! -e "$1" ] || fail "$1 is still there"; }
until_there() { for _ in $(seq 100); do [ -e "$1" ] && return; sleep 0.1; done; fail "$1 did not appear"; }
until_gone() { for _ in $(seq 100); do [ -e "$1" ] || return 0; sleep 0.1; done; fail "$1 did not go"; }
registry() { wine reg query "$@" 2>/dev/null | tr -d '\r'; }

start_tray() { rm -f "$local/stand-in-quit"; timeout 60 wine "$program/switchtowerw.exe" >/dev/null 2>&1 & }

stage() { # VERSION: a bundle with stand-ins; each version has a file that the other has not
    mkdir -p "$work/$1/_internal/app/resources"
    echo "$1" >"$work/$1/_internal/app/resources/version.txt"
    echo "$1" >"$work/$1/_internal/only-in-$1.txt"
    makensis -V1 -DAMD64 -DVERSION="$1" -DOUT="$work/$1/switchtower.exe" packaging/windows/stand_in.nsi
    makensis -V1 -DAMD64 -DTRAY -DVERSION="$1" -DOUT="$work/$1/switchtowerw.exe" packaging/windows/stand_in.nsi
    PYTHONPATH=packaging .venv/bin/python - "$work/$1" "$work" "$1" <<'PYTHON'
import sys
from pathlib import Path
import windows_installers as installers
stage, out, version = sys.argv[1:]
installers.prepare(version)
for made in installers.make(Path(stage), Path(out), version):
    print(made.name, made.stat().st_size, "bytes")
PYTHON
}

say 'compile two versions'
stage 1.0.0
stage 1.1.0

say 'make a Windows'
wineboot -i >/dev/null 2>&1
wineserver -w
user=$(find "$WINEPREFIX/drive_c/users" -mindepth 1 -maxdepth 1 ! -name Public -printf '%p\n' | head -n 1)
local=$user/AppData/Local
program=$local/Programs/Switchtower
data=$local/switchtower
menu=$user/AppData/Roaming/Microsoft/Windows/'Start Menu'/Programs/Switchtower.lnk
run='HKCU\Software\Microsoft\Windows\CurrentVersion\Run'
uninstall='HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\Switchtower'

say 'NSIS: install silently, with autostart'
wine "$work/Switchtower-1.0.0-setup-x64.exe" /S /AUTOSTART
wineserver -w
there "$program/switchtower.exe"
there "$program/_internal/only-in-1.0.0.txt"
there "$menu"
registry "$run" | grep -q switchtowerw.exe || fail 'no autostart'
registry "$uninstall" | grep -q 'DisplayVersion.*1\.0\.0' || fail 'not in the list of programs'

say 'NSIS: upgrade while the program runs: it is asked to quit, old files go, the data and the autostart stay'
mkdir -p "$data" && echo 'schema = 1' >"$data/config.toml"
start_tray
until_there "$local/stand-in-runs"
wine "$work/Switchtower-1.1.0-setup-x64.exe" /S
gone "$local/stand-in-runs"
grep -q 'told by 1.0.0' "$local/stand-in-quit" || fail 'was not asked to quit by its own command'
wineserver -w
there "$program/_internal/only-in-1.1.0.txt"
gone "$program/_internal/only-in-1.0.0.txt"
there "$data/config.toml"
registry "$run" | grep -q switchtowerw.exe || fail 'the autostart was lost'
registry "$uninstall" | grep -q 'DisplayVersion.*1\.1\.0' || fail 'the version was not updated'

say 'NSIS: uninstall silently while it runs: the data and a file of the user stay'
echo mine >"$program/notes.txt"
start_tray
until_there "$local/stand-in-runs"
wine "$program/uninstall.exe" /S
until_gone "$program/uninstall.exe"
wineserver -w
gone "$program/switchtower.exe"
gone "$program/_internal"
gone "$menu"
there "$program/notes.txt"
there "$data/config.toml"
! registry "$run" | grep -q switchtowerw.exe || fail 'the autostart is still there'
! registry "$uninstall" | grep -q DisplayName || fail 'still in the list of programs'

say 'NSIS: install without autostart, uninstall with /PURGE'
wine "$work/Switchtower-1.1.0-setup-x64.exe" /S
wineserver -w
! registry "$run" | grep -q switchtowerw.exe || fail 'an autostart that nobody asked for'
rm "$program/notes.txt"
wine "$program/uninstall.exe" /S /PURGE
until_gone "$program"
wineserver -w
gone "$data"

say 'msi: install'
windows() { winepath -w "$1" 2>/dev/null | tr -d '\r'; }
msi() { wine msiexec "$@" || fail "msiexec $*"; wineserver -w; }
msi /i "$(windows "$work/Switchtower-1.0.0-x64.msi")" /qn
there "$program/switchtower.exe"
there "$program/_internal/only-in-1.0.0.txt"
there "$menu"
! registry "$run" | grep -q switchtowerw.exe || fail 'an autostart that nobody asked for'

say 'msi: upgrade while it runs, with autostart'
mkdir -p "$data" && echo 'schema = 1' >"$data/config.toml"
start_tray
until_there "$local/stand-in-runs"
msi /i "$(windows "$work/Switchtower-1.1.0-x64.msi")" /qn ADDLOCAL=ALL
grep -q 'told by 1.0.0' "$local/stand-in-quit" || fail 'was not asked to quit by its own command'
there "$program/_internal/only-in-1.1.0.txt"
gone "$program/_internal/only-in-1.0.0.txt"
there "$data/config.toml"
registry "$run" | grep -q switchtowerw.exe || fail 'no autostart'

say 'msi: remove'
msi /x "$(windows "$work/Switchtower-1.1.0-x64.msi")" /qn
gone "$program/switchtower.exe"
gone "$menu"
there "$data/config.toml"
! registry "$run" | grep -q switchtowerw.exe || fail 'the autostart is still there'

say 'all installed, upgraded and removed'
