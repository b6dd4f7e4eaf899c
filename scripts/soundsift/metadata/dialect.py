"""How a table was saved: what kind of file it is, its encoding and its separator."""

import codecs
import csv
import gzip
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

GZIP = b"\x1f\x8b"
BLOCK_BYTES = 1 << 20
# Encoding of text that is neither UTF-8 nor UTF-16, as long as nothing speaks against it.
GUESSED = "cp1252"
# Spaces that programs put around a field, and characters that are not visible.
INVISIBLE = " \t\r\n\v\f\u00a0\u2007\u202f\u200b\u200c\u200d\u2060\ufeff"
# What Excel saves in place of a value that it could not compute, in English and German.
EXCEL_ERROR = r"#(NAME\?|REF!|VALUE!|N/A|DIV/0!|NUM!|NULL!|WERT!|BEZUG!|NV|ZAHL!|SPILL!|CALC!)"
# What text in Windows-1252 does not have, and other encodings have: bytes without a meaning, runs of letters outside
# ASCII (Cyrillic, Asian), signs or capital letters within a word (ü is 9f in Mac Roman, ł is b3 in ISO-8859-2), and
# letters in UTF-8 (Ã¼).
NOT_WINDOWS_1252 = re.compile(
    rb"[\x00-\x08\x0e-\x1f\x81\x8d\x8f\x90\x9d]|[\x80-\xff]{3}|[a-z][\x8a\x8c\x8e][a-z]|\xc3[\x80-\xbf]"
    rb"|[A-Za-z][\x80\x82-\x84\x86-\x89\x8b\x91\x93-\x95\x98\x99\x9b\x9f\xa1-\xa9\xac\xae\xaf\xb1-\xb3\xb6\xb8\xb9\xbc-\xbf][a-z]"
)

SHEET = "save the sheet as CSV (UTF-8)"
EXPORT = "write it as CSV, in Python with pandas.{}(FILE).to_csv('list.csv', index=False)"
UNPACK = "unpack it, or compress it with gzip instead"
SOUND = "a sound file", "write a list with the columns file and labels"
PICKLE = "a pickle of Python", EXPORT.format("read_pickle")
# {first bytes: (what such a file is, what to do with it)} for files that are no text
BINARY = {
    b"\xd0\xcf\x11\xe0": ("a workbook of Excel (XLS)", SHEET),
    b"%PDF": ("a PDF file", "take the list itself"),
    b"PAR1": ("a Parquet file", EXPORT.format("read_parquet")),
    b"ARROW1": ("a Feather file", EXPORT.format("read_feather")),
    b"\x89HDF": ("an HDF5 file", EXPORT.format("read_hdf")),
    b"SQLite": ("a database (SQLite)", "export the table as CSV"),
    **dict.fromkeys((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), PICKLE),
    b"BZh": ("compressed by bzip2", UNPACK),
    b"\xfd7zXZ": ("compressed by xz", UNPACK),
    b"\x28\xb5\x2f\xfd": ("compressed by zstd", UNPACK),
    b"7z\xbc\xaf": ("a 7z archive", UNPACK),
    b"\x89PNG": ("a picture", "take the list itself"),
    b"\x93NUMPY": ("an array of NumPy", EXPORT.replace("pandas.{}(FILE)", "pandas.DataFrame(numpy.load(FILE))")),
    **dict.fromkeys((b"RIFF", b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3"), SOUND),
    GZIP: ("compressed by gzip twice", "unpack it once"),
}
ZIP = b"PK\x03\x04"
# The same for text, by a pattern of the first line.
OTHER_TEXT = (
    ("<", "a web page or XML", "download it again, or export it as CSV"),
    (r'\{\s*("|$)|\[\s*([\[{]|$)', "JSON", EXPORT.format("read_json") + "; for JSON lines read_json(FILE, lines=True)"),
    (r"version https://git-lfs", "a pointer of Git LFS in place of the list", "fetch the list with git lfs pull"),
    (r"\{\\rtf", "a text document (RTF)", "save the table as CSV (UTF-8)"),
    (r'"?File type = ', "a TextGrid of Praat", "export its intervals as a table with start, end and label"),
    (
        r"(SPEAKER|SPKR-INFO) \S+ \d",
        "RTTM",
        "write a table with the columns file, start_seconds, end_seconds and labels",
    ),
)


def other_kind(path: Path) -> tuple[str, str] | None:
    """Return what a file is that is no text, and what to do with it; None for text, also compressed by gzip."""
    with open(path, "rb") as plain:
        is_gzip = plain.read(2) == GZIP
    opened = gzip.open if is_gzip else open
    with opened(path, "rb") as file:
        head = file.read(8)
    if head.startswith(ZIP):
        return ("a workbook or zip file, compressed by gzip", "unpack it") if is_gzip else _kind_of_zip(path)
    if head[4:] == b"ftyp":
        return SOUND
    return next((found for first, found in BINARY.items() if head.startswith(first)), None)


def _kind_of_zip(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "a damaged zip file", "take the original list"
    if any(name.startswith("xl/") for name in names):
        return "a workbook of Excel (XLSX)", SHEET
    if any(name.startswith("word/") for name in names):
        return "a document of Word (DOCX)", "save the table as CSV (UTF-8)"
    if "mimetype" in names:
        return "a document of LibreOffice (ODS)", SHEET
    if any(name.endswith(".iwa") for name in names):
        return "a table of Numbers", SHEET
    return "a zip file", UNPACK


def encoding_of(path: Path) -> str | None:
    """Find the encoding of a text file, plain or gzip; None if it is none that is certain.

    UTF-8 and UTF-16, with or without a byte order mark, are certain. Other text is taken for Windows-1252 if it has
    only single accented letters and signs of it, as :data:`NOT_WINDOWS_1252` says.
    """
    with open(path, "rb") as plain:
        is_gzip = plain.read(2) == GZIP
    opened = gzip.open if is_gzip else open
    with opened(path, "rb") as file:
        head = file.read(BLOCK_BYTES)
        if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        if len(head) > 7 and not any(head[1:8:2]) and all(head[:8:2]):
            return "utf-16-le"
        if len(head) > 7 and not any(head[:8:2]) and all(head[1:8:2]):
            return "utf-16-be"
        decoder, is_utf8, may_be_1252 = codecs.getincrementaldecoder("utf-8")(), True, True
        block = head
        while block and (is_utf8 or may_be_1252):
            try:
                if is_utf8:
                    decoder.decode(block)
            except UnicodeDecodeError:
                is_utf8 = False
            may_be_1252 = may_be_1252 and not NOT_WINDOWS_1252.search(block)
            block = file.read(BLOCK_BYTES)
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    return "utf-8-sig" if is_utf8 else GUESSED if may_be_1252 else None


def separator_of(lines: Sequence[str]) -> str | None:
    """Find the separator of a table by its first lines; None if two of them fit equally well.

    A tab wins over the others. Otherwise a separator fits if it divides every line into the same number of fields,
    empty ones at the end not counted, and the one that gives more fields is taken.

    Examples
    --------
    >>> separator_of(["name;start;labels", "a;0,5;Speech"])
    ';'
    >>> separator_of(["a,0,10,Speech;Music"])
    ','
    """
    if any("\t" in line for line in lines[:1]):
        return "\t"
    counts = {}
    for separator in ";,":
        widths = [width for width in _widths(lines, separator) if width]
        if min(widths, default=0) > 1:
            counts[separator] = (len(set(widths)) == 1, widths[0])
    if not counts:
        return ","
    best = max(counts.values())
    found = [separator for separator, count in counts.items() if count == best]
    return found[0] if len(found) == 1 else None


def undivided(lines: Sequence[str]) -> str:
    """Say what to do with lines of which none has a separator; empty if one has.

    Examples
    --------
    >>> undivided(["file|labels", "a.wav|dog"])
    'write commas in place of |, and fields with commas in quotes'
    """
    one_field = [next(csv.reader([line]), [""])[0] for line in lines]
    if any(separator in line for line in lines for separator in ",;\t"):
        is_quoted = all(line.strip() == f'"{field}"' for line, field in zip(lines, one_field, strict=True))
        has_several = any(separator in field for field in one_field for separator in ",;\t")
        return "remove the quotes around whole lines" if is_quoted and has_several else ""
    if lines and all("|" in line for line in lines):
        return "write commas in place of |, and fields with commas in quotes"
    if lines and all(len(line.split()) > 1 for line in lines):
        return (
            "write the columns file, start_seconds, end_seconds and labels with commas between them; tables with "
            "spaces, such as those of Kaldi, HTK and NIST, are not read"
        )
    return "write the columns file and labels, with commas between them" if lines else ""


def _widths(lines: Sequence[str], separator: str) -> Iterator[int]:
    for fields in csv.reader((f"{line}\n" for line in lines), delimiter=separator, skipinitialspace=True):
        while fields and not fields[-1].strip(INVISIBLE):
            fields.pop()
        yield len(fields)
