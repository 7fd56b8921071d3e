"""Promise: a name that documents do not have is told, never answered with silence."""

from __future__ import annotations

import itertools
import json
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from sulfox.cli.store.listings import FIRST_COLUMNS, LAST_COLUMNS, LISTINGS
from sulfox.cli.store.query import query
from sulfox.documents.kinds import DOCUMENT_KINDS
from sulfox.documents.sulfur_bonds import SulfurBondsDoc
from sulfox.errors import SulfoxError
from sulfox.stores.opening import open_store
from sulfox.stores.results import Results
from sulfox.stores.search.names import checked_conditions, document_path
from sulfox.stores.search.search import Condition
from sulfox.stores.search.values import NUMBERS, WORDS, path_of, value_at
from sulfox.units import Unit

app = typer.Typer()
app.command("query")(query)


def ask(*words: str) -> Any:
    return CliRunner().invoke(app, [*words], catch_exceptions=False, standalone_mode=False)


@pytest.fixture
def store(tmp_path, make_document, job):
    """Two bond counts, a trajectory, an interface and a reaction."""
    documents = [
        make_document("sulfur_bonds", "sb-1", n_formed=3, robust=True, n_atoms=200),
        make_document("sulfur_bonds", "sb-2", n_formed=1, robust=False, n_atoms=100),
        make_document("trajectory", "tr-1", temperature_K=600.0),
        make_document("interface", "if-1", composition={"Li": 12, "Co": 12}),
        make_document("reaction_energy", "re-1"),
    ]
    open_store(tmp_path / "store").update([job(d.id, d) for d in documents])
    return str(tmp_path / "store")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sulfur-bonds", "--where", "n_formd > 2"), "n_formed"),
        (("sulfur-bonds", "--sort", "nonsense"), "'nonsense'"),
        (("sulfur-bonds", "--sort", "-n_formd"), "n_formed"),
        (("sulfur-bonds", "--sort", "--n_formed"), "n_formed"),
        (("trajectories", "--fields", "id,archive.nonsense"), "archive.n_"),
        (("trajectories", "--fields", "id,archive.n_frame"), "archive.n_frames"),
        (("trajectories", "--fields", "id,temperature_K.x"), "'temperature_K.x'"),
        (("trajectories", "--where", "archive > 2"), "archive.n_frames"),
        (("trajectories", "--where", "archive.segments.name = x"), "archive.segments.0.name"),
        (("trajectories", "--where", "strain_max > 2"), "interface have it"),
        (("reaction-energies", "--fields", "reactants.2.formula"), "reactants.0.formula"),
        (("sulfur-bonds", "--where", "n_formed > nan"), "finite number"),
        (("sulfur-bonds", "--where", "n_initial > nan"), "finite number"),
        (("sulfur-bonds", "--where", "n_initial > inf"), "finite number"),
        (("sulfur-bonds", "--where", "robust = maybe"), "yes or no"),
        (("sulfur-bonds", "--where", "robust > 0"), "no order"),
        (("sulfur-bonds", "--temperature", "-5"), "greater than 0"),
        (("sulfur-bonds", "--temperature", "nan"), "finite"),
        (("trajectories", "--temperature", "nan"), "finite"),
        (("trajectories", "--since", "yesterday"), "2026-11-01"),
        (("trajectories", "--until", "2026-13-01"), "month"),
        (("trajectories", "--status", "good"), "'refused'"),
        (("trajectories", "--csv", "--json"), "one of them"),
        (("trajectories", "--json", "--parquet", "x.parquet"), "one of them"),
        (("trajectories", "--full", "--csv"), "--full without --json"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_may_be_meant(store, words, told):
    with pytest.raises(SulfoxError) as refused:
        ask(*words, "--store", store)
    assert refused.value.code == "SFX-901"
    assert told in refused.value.line


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("sulfur-bonds", "--where", "criteria.form_A > 0"), ["sb-1", "sb-2"]),
        (("sulfur-bonds", "--where", "robust = yes"), ["sb-1"]),
        (("sulfur-bonds", "--where", "robust = false"), ["sb-2"]),
        (("sulfur-bonds", "--where", "robust != true"), ["sb-2"]),
        (("sulfur-bonds", "--where", "n_atoms > 150"), ["sb-1"]),
        (("sulfur-bonds", "--where", "n_atoms > 50", "--sort", "n_atoms"), ["sb-2", "sb-1"]),
        (("sulfur-bonds", "--where", "provenance.code_versions.sulfox != 0"), ["sb-1", "sb-2"]),
        (("interfaces", "--where", "composition.Li > 10"), ["if-1"]),
        (("interfaces", "--where", "composition.Xx > 10"), []),
        (("interfaces", "--where", "cathode.miller = 1,1,1"), ["if-1"]),
        (("reaction-energies", "--where", "reactants.0.formula = x"), ["re-1"]),
    ],
)
def test_what_the_class_declares_can_be_asked(store, words, ids):
    answer = json.loads(ask(*words, "--json", "--store", store).stdout)
    found = [document["id"] for document in answer["documents"]]
    assert (found if "--sort" in words else sorted(found)) == ids


def test_a_column_may_be_a_search_value(store):
    words = (
        "sulfur-bonds",
        "--fields",
        "id,bond,pair",
        "--where",
        "n_formed = 3",
        "--store",
        store,
    )
    assert ask(*words, "--csv").stdout == "id,bond,pair\nsb-1,LCO|LPSCl,LCO|LPSCl\n"
    document = json.loads(ask(*words, "--json").stdout)["documents"][0]
    assert document == {"id": "sb-1", "bond": "LCO|LPSCl", "pair": "LCO|LPSCl"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [(["archive.n_frames"], "archive"), ("n_formed, n_formd", "n_formed"), ([5], "5"), (5, "5")],
)
def test_a_table_has_no_column_of_nothing(store, fields, told):
    with pytest.raises(SulfoxError, match=f"SFX-901.*{told}"):
        Results(store).table(SulfurBondsDoc, fields=fields)


def test_a_table_takes_its_columns_as_the_command_line_does(store):
    table = Results(store).table(SulfurBondsDoc, "n_formed, criteria.pair, bond", sort="n_formed")
    assert list(table.columns) == ["n_formed", "criteria.pair", "bond"]
    assert table["n_formed"].to_list() == [1, 3]
    assert (table["bond"] == table["criteria.pair"]).all()


@pytest.mark.parametrize("kind", DOCUMENT_KINDS)
def test_every_value_of_a_document_has_a_name_that_is_known(kind, make_document):
    """What a document holds, its class declares: no true path is refused."""
    content = make_document(kind).model_dump(mode="json")

    def paths(value: Any, before: str) -> list[str]:
        if isinstance(value, dict):
            inner = [paths(item, f"{before}.{name}") for name, item in value.items()]
        elif isinstance(value, list):
            inner = [paths(item, f"{before}.{n}") for n, item in enumerate(value)]
        else:
            inner = []
        return [before[1:], *itertools.chain(*inner)] if before else [*itertools.chain(*inner)]

    for path in paths(content, ""):
        assert document_path(kind, path) == path
        value = value_at(content, path)
        if isinstance(value, float | str | int) and not isinstance(value, bool):
            wanted = value if isinstance(value, str) else float(value)
            (condition,) = checked_conditions(kind, [Condition(path, "=", wanted)])
            assert condition.holds(value), path


@pytest.mark.parametrize("kind", DOCUMENT_KINDS)
def test_a_field_named_like_a_search_value_is_that_value(kind):
    """Else a comparison would ask one and a column would show the other."""
    for name in (*WORDS, *NUMBERS):
        path = path_of(kind, name)
        if path is not None:
            assert name not in DOCUMENT_KINDS[kind].model_fields or path == name
            assert document_path(kind, path) == path


def _unit(kind: str, path: str) -> str | None:
    """Unit of a number as its class says it."""
    model: Any = DOCUMENT_KINDS[kind]
    field = None
    for part in path.partition("|")[0].split("."):
        if part.isdigit():
            continue
        field = model.model_fields[part]
        inner = [item for item in (field.annotation, *get_args(field.annotation)) if item]
        model = next((item for item in inner if hasattr(item, "model_fields")), field.annotation)
    said = [*field.metadata] + [m for item in get_args(field.annotation) for m in get_args(item)]
    return next((m.symbol for m in said if isinstance(m, Unit)), None)


@pytest.mark.parametrize("word", LISTINGS)
def test_every_column_of_a_listing_says_its_unit(word):
    kind, columns = LISTINGS[word]
    heads = [head for head, _ in (*FIRST_COLUMNS, *columns, *LAST_COLUMNS)]
    assert len({path for _, path in columns}) == len(columns)
    for head, path in columns:
        assert document_path(kind, path) == path
        unit = _unit(kind, path)
        if unit is not None and not path.endswith("_MB"):
            assert head.endswith(f"[{unit}]"), f"{head!r} lacks {unit}"
    assert len(heads) == len(columns) + 3


def test_two_rows_of_other_bonds_or_criteria_can_be_told_apart(tmp_path, make_document, job):
    """One interface, four counts: the table says of which bond, and found how."""
    criteria = [
        {"pair": pair, "form_A": form, "break_A": 2.7, "min_lifetime_fs": 20.0}
        for pair in ("S-S", "P-S")
        for form in (2.3, 2.4)
    ]
    documents = [
        make_document(kind, f"{kind}-{n}", criteria=chosen)
        for kind in ("sulfur_bonds", "sulfur_bond_rate")
        for n, chosen in enumerate(criteria)
    ]
    open_store(tmp_path / "store").update([job(d.id, d) for d in documents])
    for word in ("sulfur-bonds", "sulfur-bond-rates"):
        rows = ask(word, "--csv", "--store", str(tmp_path / "store")).stdout.splitlines()[1:]
        assert len({row.partition(",")[2] for row in rows}) == 4
        assert sum(",S-S," in row for row in rows) == 2
        told = ask(word, "--store", str(tmp_path / "store")).stdout
        assert "2.3|2.7" in told
        assert "In all rows: lasting [fs] 20; version 1" in told
        few = ("--where", "criteria.form_A < 2.35", "--store", str(tmp_path / "store"))
        told = ask(word, *few).stdout
        assert "In all rows: formed, broken at [Å] 2.3|2.7; lasting [fs] 20; version 1" in told
        assert all(f"{d.id} " in told for d in documents if d.id in told)


def test_a_table_in_a_file_does_not_break_ids(tmp_path, make_document, job):
    """A folded id cannot be given to another command."""
    long = make_document("sulfur_bonds", "sb-" + "0" * 16, variant="v" * 150, interface_id="i" * 19)
    open_store(tmp_path / "store").update([job("u1", long)])
    told = ask("sulfur-bonds", "--store", str(tmp_path / "store")).stdout
    assert long.id in told
    assert long.variant in told


def test_the_questions_of_the_manual_can_be_asked(store):
    """Each command under "Asking" in docs/database.md uses names that there are."""
    manual = Path(__file__).parents[3] / "docs" / "database.md"
    lines = manual.read_text(encoding="utf-8").splitlines()
    commands = [shlex.split(line)[2:] for line in lines if line.startswith("sulfox query ")]
    assert len(commands) >= 5
    for words in commands:
        assert ask(*words, "--store", store).exception is None


def test_a_condition_on_a_path_is_explained_within_what_the_rest_leaves(store):
    """It is looked up in documents, so in no more of them than the search needs."""
    words = ("--where", "n_formed = 3", "--where", "min_distance_A > 9", "--store", store)
    told = ask("sulfur-bonds", *words).stdout
    assert "of those with n_formed = 3 none has min_distance_A > 9; they have 0.5" in told
