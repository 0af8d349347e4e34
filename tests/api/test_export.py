"""What an attacker writes into tickets never is a formula in the list that the office takes away.

The texts are the ones that tests/browser shows in the console; the files are read by programs of others.
"""

import csv
import io
import json
import re
import subprocess
from pathlib import Path

import openpyxl
import pytest

TEXTS = Path(__file__).parents[1] / "browser/lib/payloads.mjs"
#: Where spreadsheet programs begin to compute (OWASP, "CSV Injection").
BEGINS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
EXCERPT = 80


@pytest.fixture(scope="module")
def texts():
    printed = subprocess.run(["node", TEXTS], check=True, capture_output=True, text=True).stdout
    found = json.loads(printed)
    assert len(found) >= 300
    return found


@pytest.fixture(scope="module")
def desk(server, texts):
    """A supervisor, after a ticket was opened with each of the texts."""
    desk = server.desk("G3001")
    for text in texts:
        fields = [{"field": "model", "value": text}, {"field": "serial", "value": text}]
        customer = [{"field": "customer_name", "value": text}, {"field": "address", "value": text}]
        commands = [{"open": {"fields": fields, "problem": text}}, {"record_customer": {"fields": customer}}]
        answer = desk.post("/v1/tickets", {"commands": commands})
        assert answer.status_code == 201, (text, answer.text)
    return desk


def rows(desk, kind: str):
    answer = desk.get(f"/v1/tickets/export?format={kind}&language=en")
    assert answer.status_code == 200, answer.text
    name = answer.headers["Content-Disposition"]
    assert re.fullmatch(rf"attachment; filename=\"tickets-\d{{8}}\.{kind}\"; filename\*=UTF-8''[\w%.-]+\.{kind}", name)
    return answer.content


def test_in_csv_nothing_begins_a_formula_whatever_separates_cells(desk, texts):
    content = rows(desk, "csv")
    assert content.startswith(b"\xef\xbb\xbf"), "Excel reads it as UTF-8"
    text = content.decode("utf-8-sig")
    read = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    found = {row["Model"] for row in read}
    for wanted in texts:
        assert any(cell.replace("'", "") == wanted.replace("'", "") for cell in found), wanted
    for separator in ",;\t|":
        for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            for cell in line:
                # A program that splits at another mark sees the quotes of the file as part of the text.
                dropped = cell.lstrip(' "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff')
                assert not dropped.startswith(BEGINS), (separator, cell)


def test_in_xlsx_every_text_is_a_text(desk, texts):
    book = openpyxl.load_workbook(io.BytesIO(rows(desk, "xlsx")))
    sheet = book["Tickets"]
    heads = [cell.value for cell in sheet[1]]
    column = {head: at for at, head in enumerate(heads)}
    seen = set()
    for row in sheet.iter_rows(min_row=2):
        for head, at in column.items():
            cell = row[at]
            assert cell.hyperlink is None
            if head == "Conflicts":
                assert cell.data_type == "n"
            elif cell.value is not None:
                assert cell.data_type in ("s", "inlineStr"), (head, cell.value, cell.data_type)
                assert cell.quotePrefix, "it stays one when it is edited"
        seen.add(row[column["Model"]].value)
        problem = row[column["Problem"]].value
        assert problem is None or len(problem) <= EXCERPT * 2
    assert set(texts) <= seen, set(texts) - seen
    assert not book.defined_names and not book.vba_archive
