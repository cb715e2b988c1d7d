; Programs in place of switchtower.exe and switchtowerw.exe, to try the installers where Switchtower itself cannot be built.
; With "quit" it leaves a note and waits until the other one has ended; as TRAY it stays until it is told to quit. OUT, VERSION, TRAY.

Unicode true
!ifdef AMD64
  Target amd64-unicode
!endif
!include FileFunc.nsh
!include LogicLib.nsh
Name "stand-in"
OutFile "${OUT}"
RequestExecutionLevel user
SilentInstall silent

Section
  ${GetParameters} $0
  !ifdef TRAY
    FileOpen $1 "$LOCALAPPDATA\stand-in-runs" w
    FileWrite $1 "${VERSION}"
    FileClose $1
    Delete "$LOCALAPPDATA\stand-in-quit"
    ${DoUntil} ${FileExists} "$LOCALAPPDATA\stand-in-quit"
      Sleep 100
    ${Loop}
    Delete "$LOCALAPPDATA\stand-in-runs"
  !else
    ${If} $0 == "quit"
      FileOpen $1 "$LOCALAPPDATA\stand-in-quit" w
      FileWrite $1 "told by ${VERSION}"
      FileClose $1
      ${While} ${FileExists} "$LOCALAPPDATA\stand-in-runs" ; as the real one waits
        Sleep 100
      ${EndWhile}
    ${EndIf}
  !endif
SectionEnd
