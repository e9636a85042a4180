"""Hostile picture files: declared gigapixels, bombs, loops, and formats that run programs."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from PIL import Image

from .crafted import Crafted, odd_files, of_bytes

SIZES = ((65535, 65535), (30_000, 30_000), (100_000, 2000), (1, 2**31 - 1), (0, 5), (5, 0))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, *, bits: int = 8, colour: int = 2, pixels: bytes = b"", more: Sequence[bytes] = ()
) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """Compressed zeros, a million times smaller where they are packed twice."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(2**20)) for _ in range(count >> 20)]
    return b"".join([*parts, packer.compress(bytes(count & (2**20 - 1))), packer.flush()])


def small(kind: str, mode: str = "RGB", **options: object) -> bytes:
    y, x = np.mgrid[:17, :23]
    colours = np.stack([10 * x, 15 * y, 5 * x + 5 * y, 255 - 10 * x], axis=2).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(colours[..., : len(mode)]).convert(mode).save(out, kind, **options)
    return out.getvalue()


def patched(data: bytes, *changes: tuple[int, bytes]) -> bytes:
    made = bytearray(data)
    for at, new in changes:
        made[at : at + len(new)] = new
    return bytes(made)


def tiff(entries: Sequence[tuple[int, int, int, int]], following: int = 0, more: bytes = b"") -> bytes:
    """A little-endian TIFF of one directory at byte 8: rows of (tag, type, count, value)."""
    rows = b"".join(struct.pack("<HHII", tag, kind, count, value & 0xFFFFFFFF) for tag, kind, count, value in entries)
    return (
        b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + rows + struct.pack("<I", following) + more
    )


def _tiff_of(width: int, height: int, **changes: int) -> list[tuple[int, int, int, int]]:
    values = {"bits": 8, "compression": 1, "photometric": 1, "offset": 200, "samples": 1, "rows": height, "bytes": 64}
    v = {**values, **changes}
    return [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, v["bits"]),
        (259, 3, 1, v["compression"]),
        (262, 3, 1, v["photometric"]),
        (273, 4, 1, v["offset"]),
        (277, 3, 1, v["samples"]),
        (278, 4, 1, v["rows"]),
        (279, 4, 1, v["bytes"]),
    ]


def _frames(count: int) -> bytes:
    """A GIF of one pixel, with very many frames."""
    head = b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 4, 4, 0) + b"\x02\x05\x84\x8f\xa9\xcb\x5d\x00"
    return head + frame * count + b";"


def picture_cases() -> Iterator[Crafted]:
    """Files named a.png, whatever they hold, since Pillow looks at the content."""

    def case(name: str, data: Callable[[], bytes] | bytes, *, refused: bool = True) -> Crafted:
        return of_bytes(name, "crafted.png", data, refused=refused)

    yield from odd_files("crafted.png")
    for width, height in SIZES:
        words, empty = f"{width} x {height}", min(width, height) == 0
        for bits, colour in ((8, 2), (16, 6), (1, 0), (8, 3)):
            yield case(f"PNG {words}, {bits} bits, colour {colour}", png(width, height, bits=bits, colour=colour))
        if max(width, height) < 65536:
            yield case(f"GIF {words}", patched(small("GIF"), (6, struct.pack("<HH", width, height))), refused=not empty)
            jpeg = small("JPEG")
            at = jpeg.index(b"\xff\xc0") + 5
            yield case(f"JPEG {words}", patched(jpeg, (at, struct.pack(">HH", height, width))))
            yield case(f"TGA {words}", patched(small("TGA"), (12, struct.pack("<HH", width, height))))
            pcx = small("PCX")
            yield case(
                f"PCX {words}",
                patched(pcx, (8, struct.pack("<HH", (width - 1) % 65536, (height - 1) % 65536))),
                refused=not empty,
            )
            sgi = small("SGI")
            yield case(f"SGI {words}", patched(sgi, (6, struct.pack(">HH", width, height))))
        yield case(f"BMP {words}", patched(small("BMP"), (18, struct.pack("<ii", width, height))))
        yield case(f"BMP {words} upside down", patched(small("BMP"), (18, struct.pack("<ii", width, -height))))
        yield case(f"TIFF {words}", tiff(_tiff_of(width, height), more=bytes(300)))
        yield case(f"TIFF {words}, deflate", tiff(_tiff_of(width, height, compression=8), more=bytes(300)))
        yield case(f"PPM {words}", f"P6 {width} {height} 255\n".encode() + bytes(100))
        yield case(f"PPM as text {words}", f"P3 {width} {height} 255\n".encode() + b"0 " * 100)
        yield case(f"PFM {words}", f"Pf\n{width} {height}\n-1.0\n".encode() + bytes(100))
        yield case(f"QOI {words}", b"qoif" + struct.pack(">IIBB", width, height, 4, 0) + bytes(100))
        jp2 = small("JPEG2000")
        at = jp2.index(b"ihdr") + 4
        yield case(f"JPEG2000 {words}", patched(jp2, (at, struct.pack(">II", height, width))), refused=not empty)
    webp = small("WEBP", lossless=True)
    for bits in (0xFFFFFFFF, 0x0FFFFFFF, 0):
        yield case(f"WebP size {bits:x}", patched(webp, (21, struct.pack("<I", bits))))
    yield case("a bomb of black pixels", lambda: png(12_000, 12_000, colour=2, pixels=zeros(12_000 * 36_001)))
    yield case("a bomb within a palette", lambda: png(9000, 9000, colour=3, pixels=zeros(9000 * 9001)))
    yield case("many black pixels of grey", lambda: png(8900, 8900, colour=0, pixels=zeros(8900 * 8901)), refused=False)
    yield case(
        "many black pixels in colour", lambda: png(5100, 5100, colour=2, pixels=zeros(5100 * 15301)), refused=False
    )
    yield case("many clear pixels", lambda: png(4400, 4400, colour=6, pixels=zeros(4400 * 17601)), refused=False)
    yield case(
        "many clear pixels of 16 bits",
        lambda: png(4400, 4400, bits=16, colour=6, pixels=zeros(4400 * 35201)),
        refused=False,
    )
    yield case(
        "many grey pixels of 16 bits",
        lambda: png(8900, 8900, bits=16, colour=0, pixels=zeros(8900 * 17801)),
        refused=False,
    )
    yield case("more pixels than stated", lambda: png(4, 4, pixels=zeros(300 * 2**20)), refused=False)
    for kind, start in {b"zTXt": b"k\0\0", b"iCCP": b"k\0\0", b"iTXt": b"k\0\1\0\0\0"}.items():
        yield case(
            f"a bomb in {kind.decode()}",
            lambda kind=kind, start=start: png(
                4, 4, pixels=zlib.compress(bytes(52)), more=[chunk(kind, start + zeros(200 * 2**20))]
            ),
            refused=False,
        )
    yield case(
        "very many chunks",
        png(4, 4, pixels=zlib.compress(bytes(4 * 13)), more=[chunk(b"tEXt", b"a\0b")] * 100_000),
        refused=False,
    )
    for frames in (0, 2, 2**31 - 1, 2**32 - 1):
        control = chunk(b"acTL", struct.pack(">II", frames, 0))
        yield case(f"{frames} frames stated", png(4, 4, pixels=zlib.compress(bytes(52)), more=[control]), refused=False)
    yield case("very many frames", lambda: _frames(300_000))
    yield case("a GIF of a frame beyond its screen", patched(_frames(1), (24, struct.pack("<HH", 60_000, 60_000))))
    entries = _tiff_of(17, 3)
    yield case("a TIFF whose directory follows itself", tiff(entries, 8, bytes(400)), refused=False)
    yield case("a TIFF whose directory follows far away", tiff(entries, 2**31, bytes(400)))
    for tag, kind, count in ((270, 2, 2**32 - 1), (258, 3, 2**31), (700, 1, 2**30), (34675, 7, 2**31), (273, 4, 2**30)):
        more = [e for e in entries if e[0] != tag]
        yield case(
            f"a TIFF of {count:,} values of {tag}",
            tiff(sorted([*more, (tag, kind, count, 200)]), more=bytes(400)),
            refused=False,
        )
    for name, value in {"bits": 64, "compression": 99, "photometric": 77, "offset": 2**31, "samples": 60_000}.items():
        yield case(
            f"a TIFF with {name} {value}", tiff(_tiff_of(17, 3, **{name: value}), more=bytes(400)), refused=False
        )
    yield case("a TIFF without tags", tiff([]))
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n(/etc/passwd) (r) file\nshowpage\n"
    yield case("PostScript, which would be run", eps)
    yield case("an icon with a large picture", _icon)
    yield case("Photoshop", b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 30_000, 30_000, 8, 3) + bytes(50))
    yield case("FITS", b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800))
    yield case("a Windows metafile", b"\xd7\xcd\xc6\x9a\0\0" + bytes(100))
    yield case("XPM", b'/* XPM */\nstatic char *a[] = {\n"60000 60000 2 1",\n"a c #000000"};\n')
    yield case("HDF5", b"\x89HDF\r\n\x1a\n" + bytes(100))
    exif = Image.Exif()
    for orientation in (0, 6, 9, 65535):
        exif[0x0112] = orientation
        yield case(f"EXIF orientation {orientation}", small("JPEG", exif=exif.tobytes()), refused=False)
    yield case("EXIF that is none", small("JPEG", exif=b"Exif\0\0" + bytes(60)), refused=False)
    yield case("a colour profile that is none", small("JPEG", icc_profile=b"\x1b[2J" * 100), refused=False)
    yield case("CMYK with a profile that is none", small("JPEG", "CMYK", icc_profile=bytes(400)), refused=False)


def _icon() -> bytes:
    inside = png(20_000, 20_000, colour=0, bits=1, pixels=zeros(20_000 * 2501))
    return b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inside), 22) + inside
