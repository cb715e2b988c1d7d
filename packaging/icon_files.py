"""Write the icon files of Windows and macOS around PNG images."""

import struct

ICO_SIZES_PX = (16, 20, 24, 32, 40, 48, 64, 128, 256)
ICNS_TYPES = {  # what macOS calls an image of so many pixels; retina ones have a type of their own
    16: (b"icp4",),
    32: (b"icp5", b"ic11"),
    64: (b"icp6", b"ic12"),
    128: (b"ic07",),
    256: (b"ic08", b"ic13"),
    512: (b"ic09", b"ic14"),
    1024: (b"ic10",),
}


def ico(images):
    """The bytes of an .ico; `images` maps sizes in pixels (256 at most) to PNG files."""
    head = struct.pack("<HHH", 0, 1, len(images))
    offset = len(head) + 16 * len(images)
    directory, data = b"", b""
    for size_px, png in sorted(images.items()):
        side = size_px % 256  # 256 is written as 0
        directory += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(png), offset + len(data))
        data += png
    return head + directory + data


def icns(images):
    """The bytes of an .icns; `images` maps the sizes of ICNS_TYPES to PNG files."""
    entries = [(kind, png) for size_px, png in sorted(images.items()) for kind in ICNS_TYPES[size_px]]
    body = b"".join(kind + struct.pack(">I", len(png) + 8) + png for kind, png in entries)
    return b"icns" + struct.pack(">I", len(body) + 8) + body
