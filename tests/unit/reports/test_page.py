"""The page holds every row, needs nothing else, and shows what was refused."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from sulfox.errors import SulfoxError
from sulfox.reports.data import ReportData
from sulfox.reports.page import make_sections, render_page, write_report


class _Rows(HTMLParser):
    """Collects cells of each row of each table, and every tag with its attributes."""

    def __init__(self):
        super().__init__()
        self.rows, self.tags, self.in_cell = [], [], False

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self.in_cell:
            self.rows[-1][-1] += data


def read(page):
    parser = _Rows()
    parser.feed(page)
    return parser


@pytest.fixture(scope="module")
def written(two_pairs, tmp_path_factory):
    """Files of the report of two pairs."""
    return two_pairs, write_report(two_pairs, tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def one_run(make_data):
    """One run of one pair."""
    return make_data({("CoO|LPSCl", "default", 300.0, 1): 0})


def test_every_row_with_its_verdict_engine_and_definition_is_on_the_page(written):
    data, paths = written
    rows = [" | ".join(row) for row in read(paths[0].read_text("utf-8")).rows]
    for expected in data.comparison.rows:
        found = [row for row in rows if expected.quantity in row]
        assert len(found) == 1
        for field in ("published", "computed", "reason", "engine", "definition", "source"):
            assert getattr(expected, field) in found[0]
        assert re.search(rf"\| \S {expected.verdict.value} \|", found[0])
        assert "NEP89 (MLIP, not DFT)" in found[0]


def test_the_csv_holds_every_field_of_every_row(written):
    data, paths = written
    with next(p for p in paths if p.name == "comparison.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["verdict"] for row in rows] == [row.verdict.value for row in data.comparison.rows]
    assert rows[0]["quantity"] == "S-S bonds <b>at LCO</b>"
    assert rows[0]["inputs"] == "sb-1 sb-2"


def test_the_page_needs_nothing_else(written):
    _, paths = written
    parser = read(paths[0].read_text("utf-8"))
    assert {"script", "link", "iframe"}.isdisjoint(tag for tag, _ in parser.tags)
    for _, attributes in parser.tags:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    assert "http" not in paths[0].read_text("utf-8")


def test_the_page_names_each_section_once_and_every_anchor_exists(written):
    _, paths = written
    tags = read(paths[0].read_text("utf-8")).tags
    ids = [a["id"] for _, a in tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for _, a in tags if "href" in a} <= set(ids)


def test_figures_are_there_large_enough_and_not_empty(written):
    from matplotlib.image import imread

    _, paths = written
    names = {p.name for p in paths}
    assert {"bonds-S-S-default.png", "dynamics-default.svg"} <= names
    assert sum(name.startswith("side-") and name.endswith(".png") for name in names) == 4
    for path in paths:
        if path.suffix == ".png":
            image = imread(path)
            assert min(image.shape[:2]) >= 400
            assert image[..., :3].std() > 0.05
            assert path.with_suffix(".svg").read_bytes().startswith(b"<?xml")


def test_engine_and_level_of_theory_come_first(written):
    page = written[1][0].read_text("utf-8")
    level = page.index("NEP89 (MLIP, not DFT), engine mlip")
    assert level < page.index("<h2>")
    assert "An interatomic potential is not DFT" in page


def test_text_of_documents_is_escaped_and_refusals_give_reasons(one_run, refused_relaxation):
    data = replace(one_run, documents=(*one_run.documents, refused_relaxation))
    page = render_page(data, make_sections(data))
    assert "<script>" not in page
    assert "<b>at LCO</b>" not in page
    refused = [row for row in read(page).rows if "rx-refused" in row and "refused" in row]
    assert refused == [
        [
            "relaxation",
            "rx-refused",
            "refused",
            "SFX-305: left the limits <script>alert(1)</script>",
        ]
    ]


def test_missing_documents_are_named(one_run):
    data = replace(one_run, missing_ids=("tr-gone",))
    page = render_page(data, make_sections(data))
    assert ["?", "tr-gone", "missing", "not in the store"] in read(page).rows


def test_the_same_documents_give_the_same_bytes(one_run, tmp_path):
    first = write_report(one_run, tmp_path / "a")
    second = write_report(one_run, tmp_path / "b")
    assert [p.name for p in first] == [p.name for p in second]
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_only_the_date_changes_with_the_date(one_run):
    data = one_run
    later = data.comparison.provenance.created_at + timedelta(days=1)
    changed = ReportData(
        study=data.study,
        comparison=data.comparison.model_copy(
            update={
                "provenance": data.comparison.provenance.model_copy(update={"created_at": later})
            }
        ),
        documents=data.documents,
        open_trajectory=data.open_trajectory,
    )

    def undated(data):
        page = render_page(data, make_sections(data))
        return re.sub(r"2026-01-\d\d", "DATE", page)

    assert undated(data) == undated(changed)


def test_a_report_of_nothing_says_so(tmp_path):
    paths = write_report(ReportData(study="empty"), tmp_path)
    assert [p.name for p in paths] == ["index.html"]
    page = paths[0].read_text("utf-8")
    assert "No production run is stored" in page
    assert "No comparison with published numbers is stored" in page


def test_frames_that_cannot_be_read_are_told_and_the_rest_is_shown(one_run, tmp_path):
    def broken(identity):
        raise SulfoxError(
            "SFX-404",
            who=identity,
            found="a bad checksum",
            expected="a good one",
            next_step="rerun",
        )

    data = ReportData(
        study="toy",
        comparison=one_run.comparison,
        documents=one_run.documents,
        open_trajectory=broken,
    )
    paths = write_report(data, tmp_path)
    page = paths[0].read_text("utf-8")
    assert page.count("no side view, SFX-404") == 1
    assert "bonds-S-S-default.png" in {p.name for p in paths}


def test_without_matplotlib_the_error_says_what_to_install(one_run, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(SulfoxError, match=r"SFX-302.*pip install 'sulfox\[report\]'"):
        write_report(one_run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SulfoxError, match="SFX-503"):
        write_report(ReportData(study="empty"), tmp_path / "file")
