"""Invented house sales, in the columns of the Ames table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from d2l.samples._house_columns import COLUMNS, TRAITS

if TYPE_CHECKING:
    import pandas as pd

_Array = np.ndarray
_Values = dict[str, _Array]

# Which style of a house has which code: built from 1946 on, and before.
_CODES = {
    "1Story": (20, 30),
    "1.5Unf": (45, 45),
    "1.5Fin": (50, 50),
    "2Story": (60, 70),
    "2.5Unf": (75, 75),
    "2.5Fin": (75, 75),
    "SLvl": (80, 80),
    "SFoyer": (85, 85),
}
_TOWN_HOUSE = {"1Story": 120, "2Story": 160}
_UPSTAIRS = {"1.5Fin": 0.38, "2Story": 0.47, "2.5Unf": 0.48, "2.5Fin": 0.52}

# How many of 1,460 houses lack a value that exists: in training, in test.
_UNKNOWN = {
    ("LotFrontage",): (259, 227),
    ("MasVnrType", "MasVnrArea"): (8, 15),
    ("Electrical",): (1, 0),
    ("BsmtExposure",): (1, 2),
    ("BsmtFinType2",): (1, 0),
    ("BsmtCond",): (0, 3),
    ("MSZoning",): (0, 4),
    ("Utilities",): (0, 2),
    ("Exterior1st", "Exterior2nd"): (0, 1),
    ("BsmtFinSF1", "BsmtFinSF2", "BsmtUnfSF", "TotalBsmtSF"): (0, 1),
    ("BsmtFullBath", "BsmtHalfBath"): (0, 2),
    ("KitchenQual",): (0, 1),
    ("Functional",): (0, 2),
    ("GarageCars", "GarageArea"): (0, 1),
    ("SaleType",): (0, 1),
}
_FLOATS = ("LotFrontage", "MasVnrArea", "GarageYrBlt")


def houses(
    *, num_train: int, num_test: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Invent house sales in the columns of the Ames table.

    Columns, types, names of categories, places of missing values and the
    scale of every number are those of the table (De Cock, 2011). No row
    is: each house is drawn from a few hidden traits, and its price from
    its own columns with about 11 % of noise. A straight line through the
    logarithm of the price is off by 0.12 to 0.14 in it.

    Args:
        num_train: How many sales with a price.
        num_test: How many without.
        seed: Where all draws come from; no global generator is touched.

    Returns:
        Training sales with 81 columns, the last of them ``SalePrice`` in
        dollars, and test sales without it. ``Id`` counts on from the first
        table to the second; otherwise the test sales depend on the seed
        alone, not on ``num_train``.

    Raises:
        ValueError: A number of sales is below 1.
    """
    import pandas as pd

    for name, number in (("num_train", num_train), ("num_test", num_test)):
        if number < 1:
            raise ValueError(f"{name} is {number}; draw 1 sale or more")
    tables = []
    for part, size in enumerate((num_train, num_test)):
        rng = np.random.default_rng([seed, part])
        values = _draw(size, rng)
        values["Id"] = np.arange(1, size + 1) + part * num_train
        price = _price(values, rng)
        _forget(values, part, rng)
        columns = dict(_typed(values))
        if part == 0:
            columns["SalePrice"] = pd.Series(price)
        tables.append(pd.DataFrame(columns))
    return tables[0], tables[1]


def _draw(size: int, rng: np.random.Generator) -> _Values:
    """Draw houses that agree with themselves, nothing forgotten yet."""
    traits = np.linalg.cholesky(TRAITS) @ rng.standard_normal((3, size))
    values = {
        name: column.draw(traits, rng)
        for name, column in COLUMNS.items()
        if column.values
    }
    for agree in (_sale, _walls, _floors, _basement, _garage, _extras):
        agree(values, rng)
    values["MSSubClass"] = _codes(values)
    return values


def _sale(v: _Values, rng: np.random.Generator) -> None:
    """A house is built, then altered, then sold; unfinished means new."""
    unfinished = v["SaleCondition"] == "Partial"
    v["SaleType"] = np.where(unfinished, "New", v["SaleType"])
    v["YearBuilt"] = np.where(
        unfinished, v["YrSold"], np.minimum(v["YearBuilt"], v["YrSold"])
    )
    as_built = rng.random(len(unfinished)) < 0.5
    altered = np.where(as_built, v["YearBuilt"], v["YearRemodAdd"])
    altered = np.clip(altered, v["YearBuilt"], v["YrSold"])
    v["YearRemodAdd"] = np.maximum(altered, 1950)


def _walls(v: _Values, rng: np.random.Generator) -> None:
    """Most houses have one cladding, spelled in two ways; few have stone."""
    first, second = (
        COLUMNS[name].values for name in ("Exterior1st", "Exterior2nd")
    )
    spelling = dict(zip(first[:13], second[:13], strict=True))
    same = np.array([spelling.get(w, w) for w in v["Exterior1st"]], object)
    pick = rng.random(len(same)) < 0.85
    v["Exterior2nd"] = np.where(pick, same, v["Exterior2nd"])
    v["MasVnrArea"] = np.where(v["MasVnrType"] == "None", 0, v["MasVnrArea"])


def _floors(v: _Values, rng: np.random.Generator) -> None:
    """The living area is the sum of the floors."""
    area = v["GrLivArea"] - np.minimum(v["LowQualFinSF"], v["GrLivArea"] / 3)
    share = np.array([_UPSTAIRS.get(s, 0.0) for s in v["HouseStyle"]])
    share *= rng.uniform(0.8, 1.2, len(area))
    v["2ndFlrSF"] = (area * share).round()
    v["1stFlrSF"] = (area - v["2ndFlrSF"]).round()
    v["LowQualFinSF"] = v["GrLivArea"] - v["1stFlrSF"] - v["2ndFlrSF"]


def _basement(v: _Values, rng: np.random.Generator) -> None:
    """Its parts add up, and a house without one has none of them."""
    none = v["BsmtQual"] == "NA"
    total = v["1stFlrSF"] * rng.normal(0.95, 0.1, len(none)).clip(0.4, 1.3)
    v["TotalBsmtSF"] = left = np.where(none, 0, total.round())
    for k in "12":
        _clear(v, none, f"BsmtFinType{k}")
        part = np.minimum(v[f"BsmtFinSF{k}"], left)
        part[none | (v[f"BsmtFinType{k}"] == "Unf")] = 0
        v[f"BsmtFinSF{k}"], left = part, left - part
    v["BsmtUnfSF"] = left
    _clear(v, none, "BsmtCond", "BsmtExposure")


def _garage(v: _Values, rng: np.random.Generator) -> None:
    """Its cars fit in, and a house without one has none of its columns."""
    none = v["GarageType"] == "NA"
    v["GarageArea"] = area = np.where(none, 0, v["GarageArea"])
    v["GarageCars"] = np.digitize(area, [1, 340, 640, 980, 1_400])
    later = v["YearBuilt"] + rng.integers(1, 40, len(none))
    same = rng.random(len(none)) < 0.76
    year = np.where(same, v["YearBuilt"], np.minimum(later, v["YrSold"]))
    v["GarageYrBlt"] = np.where(none, np.nan, year)
    _clear(v, none, "GarageFinish", "GarageQual", "GarageCond")


def _extras(v: _Values, rng: np.random.Generator) -> None:
    """What is not there has neither a quality nor a size nor a worth."""
    _clear(v, v["Fireplaces"] == 0, "FireplaceQu")
    v["PoolArea"] = np.where(v["PoolQC"] == "NA", 0, v["PoolArea"])
    v["MiscVal"] = np.where(v["MiscFeature"] == "NA", 0, v["MiscVal"])


def _clear(v: _Values, rows: _Array, *names: str) -> None:
    for name in names:
        v[name] = np.where(rows, "NA", v[name])


def _codes(v: _Values) -> _Array:
    """Work out the code of the kind of dwelling."""
    codes = []
    for kind, style, year, attic in zip(
        v["BldgType"],
        v["HouseStyle"],
        v["YearBuilt"],
        v["LowQualFinSF"],
        strict=True,
    ):
        if kind in ("Duplex", "2fmCon"):
            codes.append(90 if kind == "Duplex" else 190)
        elif kind != "1Fam":
            codes.append(_TOWN_HOUSE.get(style, 180))
        elif style == "1Story" and attic > 0:
            codes.append(40)
        else:
            codes.append(_CODES[style][int(year < 1946)])
    return np.array(codes)


def _price(v: _Values, rng: np.random.Generator) -> _Array:
    """Return what each house is sold for, in whole hundreds of dollars."""
    log_price = (
        11.68
        + 0.4 * np.log(v["GrLivArea"] / 1_450)
        + 0.08 * np.log(v["LotArea"] / 9_500)
        + 0.15 * v["TotalBsmtSF"] / 1_000
        + 0.08 * v["BsmtFinSF1"] / 1_000
        + 0.065 * (v["OverallQual"] - 6)
        + 0.045 * (v["OverallCond"] - 5)
        + 0.0018 * (v["YearBuilt"] - 1971)
        + 0.035 * v["GarageCars"]
        + 0.03 * v["Fireplaces"]
    )
    for name, step in (
        ("Neighborhood", 0.01),
        ("KitchenQual", 0.025),
        ("ExterQual", 0.02),
        ("CentralAir", 0.05),
        ("Functional", 0.03),
        ("MSZoning", 0.03),
    ):
        order = {value: k for k, value in enumerate(COLUMNS[name].values)}
        place = np.array([order[value] for value in v[name]])
        log_price += step * (place - len(order) / 2)
    log_price -= 0.1 * (v["SaleCondition"] == "Abnorml")
    log_price += 0.08 * rng.standard_t(4, len(log_price))
    return (np.exp(log_price) / 100).round().astype("int64") * 100


def _forget(v: _Values, part: int, rng: np.random.Generator) -> None:
    """Lose some values that exist, at least one where any are lost."""
    size = len(v["Id"])
    for names, counts in _UNKNOWN.items():
        count = math.ceil(counts[part] * size / 1_460)
        rows = rng.permutation(size)[:count]
        for name in names if count else ():
            text = COLUMNS[name].text
            v[name] = v[name].astype(object if text else float)
            v[name][rows] = "NA" if text else np.nan


def _typed(v: _Values) -> Iterator[tuple[str, pd.Series]]:
    """Give the columns in their order, with the types of the table."""
    import pandas as pd

    text = pd.Series(["a"]).dtype
    for name, column in COLUMNS.items():
        if column.text:
            held = np.where(v[name] == "NA", np.nan, v[name])
            yield name, pd.Series(held, dtype=text)
        elif name in _FLOATS or np.isnan(v[name]).any():
            yield name, pd.Series(v[name].astype("float64"))
        else:
            yield name, pd.Series(v[name].astype("int64"))
