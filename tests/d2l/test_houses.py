"""The house table and the sample that stands in for it."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pandas.api.types import is_numeric_dtype
from pandas.testing import assert_frame_equal

import d2l
from d2l.samples._house_columns import COLUMNS


@pytest.fixture(autouse=True)
def _fresh_session(monkeypatch):
    """Every test is the first to ask for a data set."""


@pytest.fixture(scope="module")
def invented():
    """The embedded sample as the loader makes it."""
    return d2l.samples.houses(num_train=1_460, num_test=1_459, seed=0)


@pytest.fixture
def real(monkeypatch):
    """The real tables, where this machine can read them."""
    monkeypatch.delenv("D2L_SAMPLES", raising=False)
    monkeypatch.setenv("D2L_OFFLINE", "1")
    tables = d2l.data.house_prices()
    if d2l.data.provenance()["house_prices"] != "real":
        pytest.skip("the files of the house table are not on this machine")
    return tables


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Two sales as files of the real format, instead of the real ones."""
    monkeypatch.delenv("D2L_SAMPLES", raising=False)
    train, test = d2l.samples.houses(num_train=2, num_test=2, seed=0)
    train.loc[0, "MasVnrType"] = "None"
    for name, table in (("train", train), ("test", test)):
        table.to_csv(tmp_path / f"house_{name}", index=False, na_rep="NA")
    monkeypatch.setattr(d2l.fetch, "file", lambda name: tmp_path / name)
    return tmp_path


def _names(table, column):
    return set(table[column].dropna())


def _text(table):
    return [name for name in table if not is_numeric_dtype(table[name])]


def test_the_sample_has_the_columns_and_types_of_the_real_table(
    invented, real
):
    """Same columns in the same order, each with the same dtype."""
    for ours, theirs in zip(invented, real, strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtypes.to_dict() == theirs.dtypes.to_dict()
        assert list(ours) == list(theirs)


def test_the_sample_knows_the_categories_of_the_real_table(real):
    """Every name that occurs in the two real parts, and no other."""
    train, test = real

    for column in _text(test):
        known = set(COLUMNS[column].values) - {"NA"}
        assert known == _names(train, column) | _names(test, column), column


def test_the_sample_lacks_values_only_where_the_real_table_does(
    invented, real
):
    """A column is complete in the sample just when it is in the table."""
    for ours, theirs in zip(invented, real, strict=True):
        lacking = theirs.isna().any()
        assert ours.isna().any().to_dict() == lacking.to_dict()
        assert (ours.isna().mean() - theirs.isna().mean()).abs().max() < 0.03


def test_the_sample_has_the_scale_of_the_real_table(invented, real):
    """Medians of all numbers are near, and the sample holds no real row."""
    ours, theirs = (
        parts[0].select_dtypes("number") for parts in (invented, real)
    )
    wide = theirs.quantile(0.95) - theirs.quantile(0.05)

    distance = (ours.median() - theirs.median()).abs()
    features = list(theirs.columns.drop(["Id", "SalePrice"]))

    assert (distance <= 0.15 * wide + 1e-9).all()
    assert ours.merge(theirs, on=features).empty


def test_invented_names_are_known(invented):
    """No category outside the table's vocabulary, in columns of text."""
    for table in invented:
        for column in _text(table):
            assert _names(table, column) <= set(COLUMNS[column].values)
            assert "NA" not in _names(table, column)


def test_the_seed_decides_the_sample():
    """The same seed gives the same tables, another seed others."""
    first, again, other = (
        d2l.samples.houses(num_train=30, num_test=20, seed=seed)
        for seed in (3, 3, 4)
    )

    for one, two in zip(first, again, strict=True):
        assert_frame_equal(one, two)
    assert not first[0]["LotArea"].equals(other[0]["LotArea"])


def test_test_sales_do_not_depend_on_the_number_of_training_sales():
    """Only their numbers go on from there."""
    _, few = d2l.samples.houses(num_train=5, num_test=20, seed=0)
    _, many = d2l.samples.houses(num_train=50, num_test=20, seed=0)

    assert_frame_equal(few.drop(columns="Id"), many.drop(columns="Id"))
    assert few["Id"].tolist() == list(range(6, 26))
    assert many["Id"].tolist() == list(range(51, 71))


def test_training_and_test_sales_are_different_houses():
    """The two parts are two draws, not one draw twice."""
    train, test = d2l.samples.houses(num_train=20, num_test=20, seed=0)

    assert not train["LotArea"].equals(test["LotArea"])


def test_invented_houses_agree_with_themselves(invented):
    """Floors and cellars add up; what is not there has no size."""
    train, _ = invented

    floors = train[["1stFlrSF", "2ndFlrSF", "LowQualFinSF"]].sum(axis=1)
    cellar = train[["BsmtFinSF1", "BsmtFinSF2", "BsmtUnfSF"]].sum(axis=1)
    assert (floors == train["GrLivArea"]).all()
    assert (cellar == train["TotalBsmtSF"]).all()
    assert (train["YearBuilt"] <= train["YrSold"]).all()
    assert (train["YearRemodAdd"] >= train["YearBuilt"]).all()
    no_garage = train["GarageType"].isna()
    assert (no_garage == (train["GarageArea"] == 0)).all()
    assert (no_garage == (train["GarageCars"] == 0)).all()
    assert ((train["Fireplaces"] == 0) == train["FireplaceQu"].isna()).all()
    assert ((train["PoolArea"] == 0) == train["PoolQC"].isna()).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_price_can_be_learned_by_least_squares(seed):
    """Log prices of unseen houses are off by 0.10 to 0.18, not by 0.4."""
    train, _ = d2l.samples.houses(num_train=1_460, num_test=1, seed=seed)
    y = np.log(train.pop("SalePrice").to_numpy())
    X = train.drop(columns="Id").select_dtypes("number")
    X = np.column_stack([X.fillna(X.median()), np.ones(len(X))])
    fit, held_out = slice(0, 1_000), slice(1_000, None)

    w, *_ = np.linalg.lstsq(X[fit], y[fit])

    error = np.sqrt(np.mean((X[held_out] @ w - y[held_out]) ** 2))
    assert 0.10 <= error <= 0.18
    assert 0.35 <= np.std(y) <= 0.5


@pytest.mark.parametrize("wrong", ["num_train", "num_test"])
def test_a_table_without_rows_is_refused(wrong):
    """At least one sale each."""
    sizes = {"num_train": 1, "num_test": 1} | {wrong: 0}

    with pytest.raises(ValueError, match=f"{wrong} is 0"):
        d2l.samples.houses(**sizes, seed=0)


def test_the_sample_is_used_and_said_once(monkeypatch, capsys):
    """With no file to be had, one line says so, however often one asks."""

    def unavailable(name):
        raise d2l.fetch.DataUnavailable(name)

    monkeypatch.delenv("D2L_SAMPLES", raising=False)
    monkeypatch.setattr(d2l.fetch, "file", unavailable)

    train, test = d2l.data.house_prices()
    d2l.data.house_prices()

    assert (train.shape, test.shape) == ((1_460, 81), (1_459, 80))
    assert d2l.data.provenance() == {"house_prices": "sample"}
    (line,) = capsys.readouterr().out.splitlines()
    assert "embedded sample of 1,460 + 1,459" in line


def test_the_sample_can_be_asked_for(files, monkeypatch):
    """D2L_SAMPLES=1 wins over files that are there."""
    monkeypatch.setenv("D2L_SAMPLES", "1")

    train, _ = d2l.data.house_prices()

    assert len(train) == 1_460
    assert d2l.data.provenance() == {"house_prices": "sample"}


def test_files_are_read_as_they_are(files, capsys):
    """NA is missing, None is a name, and Id is a column."""
    train, test = d2l.data.house_prices()

    assert (train.shape, test.shape) == ((2, 81), (2, 80))
    assert train["Id"].tolist() == [1, 2]
    assert train.loc[0, "MasVnrType"] == "None"
    assert train["PoolQC"].isna().all()
    assert d2l.data.provenance() == {"house_prices": "real"}
    assert capsys.readouterr().out == ""


def test_a_file_of_another_format_is_refused(files):
    """The message names the file and what it should hold."""
    (files / "house_test").write_text("Id,SalePrice\n1,2\n")

    with pytest.raises(ValueError, match=r"house_test has 2 columns.* has 80"):
        d2l.data.house_prices()


def test_a_table_is_the_callers_own(files):
    """Changing one does not change the next."""
    for sample in ("0", "1"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("D2L_SAMPLES", sample)
            before, _ = d2l.data.house_prices()
            before["SalePrice"] = 0
            after, _ = d2l.data.house_prices()

        assert (after["SalePrice"] > 0).all()


def test_pandas_is_imported_only_when_called():
    """Importing d2l.data leaves pandas alone."""
    code = "import sys, d2l.data; sys.exit('pandas' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code])

    assert done.returncode == 0


def test_missing_names_are_missing_to_pandas(invented):
    """A lacking name is counted by isna, and text stays text."""
    train, _ = invented

    expected = pd.Series(["a", None]).dtype
    assert {train[c].dtype for c in _text(train)} == {expected}
    assert train["PoolQC"].isna().mean() > 0.9
