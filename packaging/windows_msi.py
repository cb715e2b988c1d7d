"""Describe a bundle for the .msi: a WiX source with one component per file, whose identifiers never change."""

import hashlib
import uuid
from pathlib import PurePosixPath
from xml.sax.saxutils import quoteattr

UPGRADE_CODE = "C0B1D7B4-6A0E-4B0C-9C0E-5F5D8B0E7A31"
"""Tells Windows that two .msi are versions of one program; never to be changed."""
SPACE = uuid.UUID("5b6f6a52-3d0e-4a52-9b5c-0f3f6f3b9d11")
RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"


def source(stage, version):
    """The WiX source (version 3, as wixl and WiX 3 read it) for the files of `stage`."""
    places = sorted(path.relative_to(stage).as_posix() for path in stage.rglob("*") if path.is_file())
    folders, components = tree(places)
    references = "\n".join(f'   <ComponentRef Id="{component}"/>' for component in components)
    return TEMPLATE.format(
        version=version,
        upgrade=UPGRADE_CODE,
        folders=folders,
        references=references,
        shortcut=guid("start menu"),
        autostart=guid("autostart"),
        run=RUN,
    )


def guid(place):
    """The identifier of a component, always the same for the same place."""
    return str(uuid.uuid5(SPACE, place)).upper()


def name_of(kind, place):
    """An identifier for WiX, unique per place and free of what it does not take."""
    return f"{kind}{hashlib.sha256(place.encode()).hexdigest()[:20]}"


def tree(places):
    """The nested folders of `places` as WiX text, and the names of all components."""
    root = {}
    for place in places:
        *folders, _file = PurePosixPath(place).parts
        node = root
        for folder in folders:
            node = node.setdefault(folder, {})
        node.setdefault("", []).append(place)
    components = []
    return folder_text(root, "", components), components


def folder_text(node, before, components):
    """One folder and all below it."""
    lines = []
    for place in node.get("", ()):
        components.append(name_of("c", place))
        file = PurePosixPath(place).name
        told = f"<File Id={quoteattr(name_of('f', place))} Source={quoteattr('stage/' + place)} Name={quoteattr(file)}"
        lines.append(
            f'<Component Id="{components[-1]}" Guid="{guid(place)}" Win64="yes">{told} KeyPath="yes"/></Component>'
        )
    for name in sorted(folder for folder in node if folder):
        place = f"{before}{name}/"
        inner = folder_text(node[name], place, components)
        lines.append(f'<Directory Id="{name_of("d", place)}" Name={quoteattr(name)}>\n{inner}\n</Directory>')
    return "\n".join(lines)


TEMPLATE = """<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
 <Product Id="*" Name="Switchtower" Version="{version}" Manufacturer="The Switchtower authors" Language="1033"
   UpgradeCode="{upgrade}">
  <Package InstallerVersion="500" Compressed="yes" InstallScope="perUser" Description="Switchtower {version}"/>
  <MajorUpgrade DowngradeErrorMessage="A newer version of Switchtower is installed." Schedule="afterInstallValidate"/>
  <Media Id="1" Cabinet="switchtower.cab" EmbedCab="yes"/>
  <Icon Id="switchtower.ico" SourceFile="switchtower.ico"/>
  <Property Id="ARPPRODUCTICON" Value="switchtower.ico"/>
  <Property Id="ARPNOMODIFY" Value="1"/>
  <Directory Id="TARGETDIR" Name="SourceDir">
   <Directory Id="LocalAppDataFolder"><Directory Id="Programs" Name="Programs">
   <Directory Id="INSTALLDIR" Name="Switchtower">
{folders}
    <Component Id="AutostartEntry" Guid="{autostart}" Win64="yes">
     <RegistryValue Root="HKCU" Key="{run}" Name="Switchtower" Type="string"
       Value="&quot;[INSTALLDIR]switchtowerw.exe&quot;" KeyPath="yes"/>
    </Component>
   </Directory>
   </Directory></Directory>
   <Directory Id="ProgramMenuFolder">
    <Component Id="StartMenuEntry" Guid="{shortcut}" Win64="yes">
     <Shortcut Id="StartMenu" Name="Switchtower" Target="[INSTALLDIR]switchtowerw.exe" WorkingDirectory="INSTALLDIR"/>
     <RegistryValue Root="HKCU" Key="Software\\Switchtower" Name="StartMenu" Type="integer" Value="1" KeyPath="yes"/>
    </Component>
   </Directory>
  </Directory>
  <Feature Id="Program" Title="Switchtower" Level="1" Absent="disallow">
{references}
   <ComponentRef Id="StartMenuEntry"/>
   <Feature Id="Autostart" Title="Start when I sign in" Level="1000">
    <ComponentRef Id="AutostartEntry"/>
   </Feature>
  </Feature>
  <CustomAction Id="FindProgram" Property="PROGRAM" Value="[INSTALLDIR]switchtower.exe"/>
  <CustomAction Id="QuitRunning" Property="PROGRAM" ExeCommand="quit" Return="ignore"/>
  <InstallExecuteSequence>
   <Custom Action="FindProgram" After="CostFinalize"/>
   <Custom Action="QuitRunning" After="FindProgram"/>
  </InstallExecuteSequence>
 </Product>
</Wix>
"""
