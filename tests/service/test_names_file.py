"""Names from what people have at hand."""

from __future__ import annotations

import pytest

from jupyterhub_communities.domain.refusals import NamesUnreadable
from jupyterhub_communities.pages.tables import csv_text
from jupyterhub_communities.service.names_file import read_names

MARIA = ["María José", "李雷", "Ñusta"]


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"", []),
        ("María José\n李雷\nÑusta".encode(), MARIA),
        ("\ufeffname\r\nMaría José\r\n\r\n李雷\r\nÑusta\r\n".encode(), MARIA),
        ("Nombre;Correo\nMaría José;m@x\n李雷;\nÑusta;n@x".encode(), MARIA),
        ("id,Nome\n1,María José\n2,李雷\n3,Ñusta".encode(), MARIA),
        ("nombre\tciudad\nMaría José\tLima".encode(), ["María José"]),
        ("name\nMaría José\n李雷\nÑusta".encode("utf-16"), MARIA),
        ("María José\nÑusta".encode("cp1252"), ["María José", "Ñusta"]),
        (b'name\n"Perez, Ana"\n', ["Perez, Ana"]),
        (b"   Ana  \n\t\n", ["Ana"]),
        (b"Ana,\n,\nLuz,x", ["Ana", "Luz"]),
    ],
)
def test_names_are_found(data, names) -> None:
    assert [name for _, name in read_names(data)] == names


def test_each_is_told_by_its_line() -> None:
    assert read_names(b"name,x\nAna,1\n\n\nLuz,2\n,3\nSol,4") == [
        (2, "Ana"),
        (5, "Luz"),
        (7, "Sol"),
    ]


@pytest.mark.parametrize("data", [b"PK\x03\x04\x00\x00", b"a\x00b", b"\x81\x8d", b"\xff\xfe\x00"])
def test_what_is_no_text_is_said_so(data) -> None:
    with pytest.raises(NamesUnreadable):
        read_names(data)


def test_a_name_never_becomes_a_formula() -> None:
    assert csv_text([("=1+1", "@x"), ("Ana", "1")]) == "'=1+1,'@x\r\nAna,1\r\n"
