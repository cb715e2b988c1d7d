; The installer for one user, without administrator rights. windows_installers.py gives:
;   VERSION (1.2.3), FOUR (1.2.3.0), STAGE (the bundle's folder), OUT (the file to write), ICON, PICTURE
;   (for the last page), SIZE_KIB, optionally SIGN (a command that signs the file named after it) and AMD64 (a 64-bit installer).
; Switches: /S silent, /D=folder (last), /AUTOSTART with /S, and for the uninstaller /S and /PURGE (removes the data too).

Unicode true
!ifdef AMD64
  Target amd64-unicode
!endif
!include MUI2.nsh
!include FileFunc.nsh
!include LogicLib.nsh

!define NAME "Switchtower"
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\${NAME}"
!define RUN "Software\Microsoft\Windows\CurrentVersion\Run"
!define DATA "$LOCALAPPDATA\switchtower"

Name "${NAME}"
OutFile "${OUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\${NAME}"
InstallDirRegKey HKCU "Software\${NAME}" "InstallDir"
SetCompressor /SOLID lzma
ManifestDPIAware true
ManifestSupportedOS all
BrandingText "${NAME} ${VERSION}"

VIProductVersion "${FOUR}"
VIFileVersion "${FOUR}"
VIAddVersionKey ProductName "${NAME}"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey FileDescription "${NAME} installer"
VIAddVersionKey CompanyName "The Switchtower authors"
VIAddVersionKey LegalCopyright "The Switchtower authors, MIT licence"

!ifdef SIGN
  !finalize `${SIGN} "%1"` = 0
  !uninstfinalize `${SIGN} "%1"` = 0
!endif

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_WELCOMEFINISHPAGE_BITMAP "${PICTURE}"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_INSTFILES
!define MUI_FINISHPAGE_RUN "$INSTDIR\switchtowerw.exe"
!define MUI_FINISHPAGE_RUN_TEXT "Start ${NAME}"
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

; Have the running program quit, by its own command, and wait until its files can be replaced.
!macro QuitRunning UN
  Function ${UN}QuitRunning
    ${IfNot} ${FileExists} "$INSTDIR\switchtower.exe"
      Return
    ${EndIf}
    DetailPrint "Asking the running ${NAME} to quit"
    nsExec::Exec /TIMEOUT=25000 '"$INSTDIR\switchtower.exe" quit'
    Pop $0
    StrCpy $1 0
    again:
      ClearErrors
      FileOpen $0 "$INSTDIR\switchtower.exe" a
      ${IfNot} ${Errors}
        FileClose $0
        ${If} ${FileExists} "$INSTDIR\switchtowerw.exe"
          FileOpen $0 "$INSTDIR\switchtowerw.exe" a
          ${IfNot} ${Errors}
            FileClose $0
            Return
          ${EndIf}
        ${Else}
          Return
        ${EndIf}
      ${EndIf}
      IntOp $1 $1 + 1
      ${If} $1 < 20
        Sleep 250
        Goto again
      ${EndIf}
      MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "${NAME} is still running. Choose Quit in its menu, end any 'switchtower serve', then try again." /SD IDCANCEL IDRETRY again
      SetErrorLevel 3
      Abort "${NAME} is still running; nothing was changed."
  FunctionEnd
!macroend
!insertmacro QuitRunning ""
!insertmacro QuitRunning "un."

Section "${NAME} (required)" PROGRAM
  SectionIn RO
  Call QuitRunning
  ; An older version may have files that this one has not. Only what an installer of ours has put there is removed.
  ${If} ${FileExists} "$INSTDIR\uninstall.exe"
    RMDir /r "$INSTDIR\_internal"
  ${EndIf}
  SetOutPath "$INSTDIR"
  File /r "${STAGE}\*" ; on Windows makensis splits a path at backslashes only
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortCut "$SMPROGRAMS\${NAME}.lnk" "$INSTDIR\switchtowerw.exe"
  WriteRegStr HKCU "Software\${NAME}" "InstallDir" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "${NAME}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\switchtowerw.exe"
  WriteRegStr HKCU "${UNINSTALL}" "Publisher" "The Switchtower authors"
  WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" ${SIZE_KIB}
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
SectionEnd

Section /o "Start when I sign in" AUTOSTART
  WriteRegStr HKCU "${RUN}" "${NAME}" '"$INSTDIR\switchtowerw.exe"'
SectionEnd

; An upgrade keeps the choice that was made, and unticking it takes it back.
Section "-take back"
  ${IfNot} ${SectionIsSelected} ${AUTOSTART}
    DeleteRegValue HKCU "${RUN}" "${NAME}"
  ${EndIf}
SectionEnd

Function .onInit
  ReadRegStr $0 HKCU "${RUN}" "${NAME}"
  ${GetParameters} $1
  ClearErrors
  ${GetOptions} $1 "/AUTOSTART" $2
  ${IfNot} ${Errors}
  ${OrIf} $0 != ""
    !insertmacro SelectSection ${AUTOSTART}
  ${EndIf}
FunctionEnd

!insertmacro MUI_FUNCTION_DESCRIPTION_BEGIN
  !insertmacro MUI_DESCRIPTION_TEXT ${PROGRAM} "The program, with an entry in the start menu."
  !insertmacro MUI_DESCRIPTION_TEXT ${AUTOSTART} "The tray icon is there whenever you are."
!insertmacro MUI_FUNCTION_DESCRIPTION_END

Section "Uninstall"
  Call un.QuitRunning
  ${GetParameters} $1
  ClearErrors
  ${GetOptions} $1 "/PURGE" $2
  ${IfNot} ${Errors}
    StrCpy $3 yes
  ${ElseIf} ${FileExists} "${DATA}\*"
    MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "Remove your settings, the usage history and the logs too?$\r$\n$\r$\nThe keys of your providers stay in the Windows Credential Manager." /SD IDNO IDNO keep
    StrCpy $3 yes
    keep:
  ${EndIf}
  ${If} $3 == yes
    RMDir /r "${DATA}"
  ${EndIf}
  Delete "$SMPROGRAMS\${NAME}.lnk"
  RMDir /r "$INSTDIR\_internal"
  Delete "$INSTDIR\switchtower.exe"
  Delete "$INSTDIR\switchtowerw.exe"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR" ; only when nothing of yours is in it
  DeleteRegValue HKCU "${RUN}" "${NAME}"
  DeleteRegKey HKCU "${UNINSTALL}"
  DeleteRegKey HKCU "Software\${NAME}"
SectionEnd
