import gzip
import io
import zipfile
from pathlib import Path

import pytest

from soundsift.errors import InputError
from soundsift.metadata.delimited import read_records, read_rows, trimmed


def rows(path: Path) -> list[tuple[int, list[str]]]:
    return list(read_rows(path, "metadata.segments"))


def refusal(content: bytes, tmp_path: Path) -> str:
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(InputError) as refused:
        rows(tmp_path / "list.csv")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_rows_have_their_line_numbers_and_exclude_comments_and_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text('# it\'s a "list\n\na, 1.0, "b,c" \n  # more\nd,2,"e ""f"""\n')
    assert rows(tmp_path / "list.csv") == [(3, ["a", "1.0", "b,c"]), (5, ["d", "2", 'e "f"'])]


@pytest.mark.parametrize("encode", [
    lambda text: text.encode("utf-8-sig"),
    lambda text: text.replace("\n", "\r\n").encode(),
    lambda text: text.replace("\n", "\r").encode(),
    lambda text: text.rstrip("\n").encode(),
    lambda text: gzip.compress(text.encode()),
    lambda text: gzip.compress(text.replace("\n", "\r\n").encode("utf-8-sig")),
    lambda text: text.replace(",", "\t").encode(),
    lambda text: text.replace(",", ";").replace("\n", "\r\n").encode("cp1252"),
    lambda text: text.replace(",", "\t").replace("\n", "\r\n").encode("utf-16"),
    lambda text: text.encode("utf-16-le"),
    lambda text: text.encode("utf-16-be"),
    lambda text: text.replace("\n", ",\n").encode() + b",,,\n,,\n",
    lambda text: gzip.compress(text.encode("utf-16")),
    lambda text: text.replace("1", "\u00a01\u200b").encode(),
], ids=["bom", "crlf", "cr", "no-last-newline", "gzip", "gzip-bom-crlf", "tabs", "excel-german", "excel-unicode-text", "utf-16-le",
        "utf-16-be", "excel-empty-rows", "gzip-utf-16", "no-break-space"])  # fmt: skip
def test_every_encoding_and_line_ending_reads_alike(encode, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(encode("a,1,ö\nb,2,c\n"))
    assert [(line, trimmed(fields, 3)) for line, fields in rows(tmp_path / "list.csv")] == [
        (1, ["a", "1", "ö"]), (2, ["b", "2", "c"])
    ]  # fmt: skip


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    for content in ("", "\n\n", "# only\n"):
        (tmp_path / "list.csv").write_text(content)
        assert rows(tmp_path / "list.csv") == []


@pytest.mark.parametrize(("content", "line"), [
    (b'a,1,"b\nc,2,d\n', "line 1: a quote is opened and not closed; found 'a,1,\"b'"),
    (b'a,1,b\nc,2,"d\n', "line 2: a quote is opened and not closed; found 'c,2,\"d'"),
    (b'a,"b"c,d\n', "line 1: not a row of a table"),
    (b"\n\n<!doctype html>\n<title>Sign in</title>", "is a web page or XML, not a table (line 3: '<!doctype html>')"),
    (b"a,1,b\n" * 50_000 + b"\x81,1,b\n", "line 50001: not UTF-8 text"),
    (b"  <!DOCTYPE html>", "is a web page"),
    (b'a, 1, "b\nc, 2, "d"\n', "line 1: a quote is opened and not closed"),
    (b"\x89PNG\r\n\x1a\n\xff", "is a picture, not a text file"), (b"\x80\x00\xff\xfe", "not UTF-8 text"),
    ("a,Привет,b\n".encode("cp1251"), "line 1: not UTF-8 text, and probably not Windows-1252"),
    (b"a\0b\0,1\n", "is not a text file (line 1 contains zero bytes)"),
    (b"a,1,b\nc\0d,2,e\n", "line 2: a line may not contain a zero byte"),
    (b'a,1,"b\nc,2,d"\n', "line 1: a quote is opened and not closed, or a line inside of quotes looks like a row"),
    (gzip.compress(b"a,1,b\n" * 1000, mtime=0)[:-20], "cannot be read"),
    (b"\x1f\x8b and no gzip", "cannot be read"),
    (b"a,1," + b"b" * 200_000 + b"\n", "line 1: a line may have at most 100,000 characters"),
])  # fmt: skip
def test_a_file_that_is_not_a_table_is_refused_in_one_line(content: bytes, line: str, tmp_path: Path) -> None:
    assert line in refusal(content, tmp_path)


def zip_of(*members: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in members:
            archive.writestr(name, "x")
    return content.getvalue()


@pytest.mark.parametrize(("content", "line"), [
    (zip_of("[Content_Types].xml", "xl/workbook.xml"), "is a workbook of Excel (XLSX), not a text file: save the sheet as CSV (UTF-8)"),
    (zip_of("mimetype", "content.xml"), "is a document of LibreOffice (ODS), not a text file: save the sheet as CSV"),
    (zip_of("list.csv"), "is a zip file, not a text file: unpack it"),
    (b"PK\x03\x04 and no more", "is a damaged zip file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "is a workbook of Excel (XLS)"),
    (b"PAR1\x15\x04", "is a Parquet file, not a text file: write it as CSV, in Python with pandas.read_parquet(FILE).to_csv("),
    (b"BZh91AY&SY", "is compressed by bzip2"),
    (b"RIFF\x24\x00\x00\x00WAVEfmt ", "is a sound file, not a text file: write a list"),
    (b'[{"file":"a.wav","labels":"dog"}]', "is JSON, not a table (line 1: '[{"),
    (b'{"file":"a.wav"}\n{"file":"b.wav"}\n', "is JSON, not a table"),
    (b'{\n "file": {"0": "a.wav"}\n}\n', "is JSON, not a table"),
    (b'\xef\xbb\xbf<?xml version="1.0"?>\n<ANNOTATION_DOCUMENT/>', "is a web page or XML, not a table"),
    ('File type = "ooTextFile"\nObject class = "TextGrid"\n'.encode("utf-16"), "is a TextGrid of Praat, not a table"),
    (b"SPEAKER talk 1 0.50 2.00 <NA> <NA> anna <NA> <NA>\n", "is RTTM, not a table"),
])  # fmt: skip
def test_a_file_of_another_kind_is_named_with_what_to_do(content: bytes, line: str, tmp_path: Path) -> None:
    found = refusal(content, tmp_path)
    assert line in found and "\n" not in found


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.csv", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InputError, match=reason):
            rows(path)


def test_records_follow_the_header_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,b,a\n1,2,3\n")
    assert list(read_records(tmp_path / "t.csv", ["a", "b"], "metadata.class_labels")) == [(2, ["3", "2"])]


@pytest.mark.parametrize(("text", "line"), [
    ("", "line 1: metadata.class_labels needs the columns a, b"),
    ("a|b\n1|2\n", "line 1: metadata.class_labels needs the columns a, b; found 'a|b'"),
    ("a,b\n1,2\n1,2,3\n", "line 3: 2 fields were expected; found '1,2,3'"),
])  # fmt: skip
def test_records_without_their_columns_are_refused(text: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError) as refused:
        list(read_records(tmp_path / "t.csv", ["a", "b"], "metadata.class_labels"))
    assert line in str(refused.value)


def test_a_name_with_a_hash_is_a_row_and_a_comment_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "list.csv").write_text(
        '#video_id, labels\na,x\n#hash.wav,x\n# no, row\n#\n"# quoted.wav",y\n#NAME?,z\n'
    )
    found = [fields for _, fields in rows(tmp_path / "list.csv")]
    assert found == [["a", "x"], ["#hash.wav", "x"], ["# quoted.wav", "y"], ["#NAME?", "z"]]
    assert "list.csv: 1 rows begin with # and a space and are taken for comments" in caplog.text


def test_an_error_of_excel_is_a_row_also_at_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("# a list\n#NAME?,0,10,x\n")
    assert rows(tmp_path / "list.csv") == [(2, ["#NAME?", "0", "10", "x"])]


def test_a_quoted_field_may_have_line_breaks(tmp_path: Path) -> None:
    text = 'file;start;labels\na.wav;0;"dog\nrain"\n\nb.wav;1;"[dog\n rain]"\nc.wav;2;x\n'
    (tmp_path / "list.csv").write_text(text)
    assert [(line, fields[0], fields[2]) for line, fields in rows(tmp_path / "list.csv")] == [
        (1, "file", "labels"), (2, "a.wav", "dog\nrain"), (5, "b.wav", "[dog\n rain]"), (7, "c.wav", "x")
    ]  # fmt: skip
