"""What the columns of the Ames table may hold, and how often.

One row of ``COLUMNS`` per column: values with their frequencies, rounded
from the published table (De Cock, 2011), and how three hidden traits of a
house (how new, how fine, how large) push the column up or down.
"""

import math
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist

import numpy as np

# How the traits new, fine and large go together.
TRAITS = np.array([[1.0, 0.62, 0.3], [0.62, 1.0, 0.55], [0.3, 0.55, 1.0]])

# The shares of houses below the nine numbers of an amount.
_LEVELS = (0.0003, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9997)


@dataclass(frozen=True)
class Column:
    """What a column may hold, from the least to the most.

    ``values`` are the values and ``steps`` the standard normal scores at
    which they are reached: the upper ends of categories, or the places of
    numbers to interpolate between. A column without values is worked out
    from others. ``pulls`` are the effects of the three traits.
    """

    values: tuple[str | int, ...] = ()
    steps: tuple[float, ...] = ()
    pulls: tuple[float, float, float] = (0.0, 0.0, 0.0)
    text: bool = False
    smooth: bool = False

    def draw(self, traits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return one value per house."""
        pulls = np.array(self.pulls)
        rest = math.sqrt(1 - pulls @ TRAITS @ pulls)
        score = pulls @ traits + rest * rng.standard_normal(traits.shape[1])
        if self.smooth:
            numbers = np.array(self.values, dtype=float)
            return np.asarray(np.interp(score, self.steps, numbers)).round()
        places = np.searchsorted(self.steps[:-1], score)
        return np.array(self.values, object if self.text else int)[places]


def _score(share: float) -> float:
    """Return the score that the given share of houses stays below."""
    return NormalDist().inv_cdf(min(max(share, 1e-6), 1 - 1e-6))


def _names(
    counts: str, *, new: float = 0.0, fine: float = 0.0, large: float = 0.0
) -> Column:
    """Make a column of names, given as ``name count, name count``."""
    names, shares = _split(counts)
    steps = tuple(map(_score, shares))
    return Column(tuple(names), steps, (new, fine, large), text=True)


def _numbers(
    counts: str, *, new: float = 0.0, fine: float = 0.0, large: float = 0.0
) -> Column:
    """Make a column of a few whole numbers, given as `_names` are."""
    names, shares = _split(counts)
    steps = tuple(map(_score, shares))
    return Column(tuple(map(int, names)), steps, (new, fine, large))


def _amount(
    *values: int,
    zero: float = 0.0,
    new: float = 0.0,
    fine: float = 0.0,
    large: float = 0.0,
) -> Column:
    """Make a column of amounts, given at `_LEVELS`; a share may be 0."""
    levels = [zero + (1 - zero) * level for level in _LEVELS]
    if zero:
        values, levels = (0, 0, *values), [0.0, zero, *levels]
    steps = tuple(map(_score, levels))
    return Column(values, steps, (new, fine, large), smooth=True)


def _split(counts: str) -> tuple[list[str], list[float]]:
    """Return the names, and the share of all that each one ends at."""
    pairs = [part.strip().rsplit(" ", 1) for part in counts.split(",")]
    ends = list(accumulate(float(count) for _, count in pairs))
    return [name for name, _ in pairs], [end / ends[-1] for end in ends]


_FIVE = "Po {}, Fa {}, TA {}, Gd {}, Ex {}".format
_BASEMENT = "Unf {}, LwQ {}, Rec {}, BLQ {}, ALQ {}, GLQ {}".format

# The columns of the table in its order; names from cheap to dear.
COLUMNS = {
    "Id": Column(),
    "MSSubClass": Column(),
    "MSZoning": _names(
        "C (all) 9, RM 158, RH 9, RL 777, FV 48", new=0.4, fine=0.3
    ),
    "LotFrontage": _amount(
        21, 24, 43, 60, 68, 80, 95, 136, 310, fine=0.1, large=0.3
    ),
    "LotArea": _amount(
        *(1_300, 1_700, 4_900, 7_500, 9_450, 11_600, 14_300, 33_000, 210_000),
        large=0.45,
    ),
    "Street": _names("Grvl 4, Pave 996"),
    "Alley": _names("Grvl 42, NA 931, Pave 27", new=0.1),
    "LotShape": _names("Reg 637, IR1 331, IR3 6, IR2 26", new=0.2, fine=0.2),
    "LandContour": _names("Bnk 40, Lvl 898, Low 21, HLS 41", fine=0.2),
    "Utilities": _names("NoSeWa 1, AllPub 2900"),
    "LotConfig": _names("FR3 5, Inside 730, FR2 29, Corner 175, CulDSac 61"),
    "LandSlope": _names("Gtl 952, Mod 43, Sev 5"),
    "Neighborhood": _names(
        "MeadowV 13, IDOTRR 32, BrDale 10, OldTown 82, Edwards 66,"
        "BrkSide 37, Sawyer 52, Blueste 4, SWISU 16, NAmes 152, NPkVill 8,"
        "Mitchel 39, SawyerW 43, Gilbert 56, NWAmes 45, Blmngtn 10,"
        "CollgCr 91, ClearCr 15, Crawfor 35, Veenker 8, Somerst 62,"
        "Timber 25, StoneBr 18, NoRidge 24, NridgHt 57",
        new=0.35,
        fine=0.5,
        large=0.15,
    ),
    "Condition1": _names(
        "Artery 32, Feedr 56, RRAe 10, Norm 860, RRAn 17, RRNe 2, RRNn 3,"
        "PosN 13, PosA 7",
        new=0.2,
    ),
    "Condition2": _names(
        "Artery 5, Feedr 13, RRAe 1, Norm 2890, RRAn 1, RRNn 2, PosN 4,PosA 4",
    ),
    "BldgType": _names(
        "2fmCon 21, Twnhs 33, Duplex 37, 1Fam 831, TwnhsE 78", new=0.4
    ),
    "HouseStyle": _names(
        "1.5Unf 7, SFoyer 28, 1Story 504, SLvl 44, 1.5Fin 108, 2.5Unf 8,"
        "2Story 298, 2.5Fin 3",
        large=0.6,
    ),
    "OverallQual": _numbers(
        "1 1, 2 4, 3 14, 4 77, 5 283, 6 250, 7 206, 8 117, 9 37, 10 11",
        fine=0.95,
    ),
    "OverallCond": _numbers(
        "1 2, 2 3, 3 17, 4 35, 5 564, 6 182, 7 134, 8 49, 9 14",
        new=-0.45,
        fine=0.15,
    ),
    "YearBuilt": _amount(
        1872, 1900, 1924, 1954, 1973, 2001, 2006, 2008, 2010, new=0.97
    ),
    "YearRemodAdd": _amount(
        1950, 1950, 1950, 1965, 1993, 2004, 2006, 2009, 2010, new=0.7
    ),
    "RoofStyle": _names(
        "Gambrel 8, Gable 791, Shed 2, Mansard 4, Flat 7, Hip 189", fine=0.2
    ),
    "RoofMatl": _names(
        "Roll 1, CompShg 2876, Metal 1, ClyTile 1, Tar&Grv 23, Membran 1,"
        "WdShake 9, WdShngl 7",
    ),
    "Exterior1st": _names(
        "BrkComm 6, AsphShn 2, AsbShng 44, CBlock 2, Wd Sdng 411,"
        "WdShing 56, MetalSd 450, Stucco 43, HdBoard 442, Plywood 221,"
        "BrkFace 87, CemntBd 126, VinylSd 1025, Stone 2, ImStucc 1",
        new=0.65,
    ),
    "Exterior2nd": _names(
        "Brk Cmn 22, AsphShn 4, AsbShng 38, CBlock 3, Wd Sdng 391,"
        "Wd Shng 81, MetalSd 447, Stucco 47, HdBoard 406, Plywood 270,"
        "BrkFace 47, CmentBd 126, VinylSd 1014, Stone 6, Other 1,"
        "ImStucc 15",
        new=0.65,
    ),
    "MasVnrType": _names(
        "BrkCmn 9, None 600, BrkFace 305, Stone 86", new=0.2, fine=0.35
    ),
    "MasVnrArea": _amount(
        1, 16, 66, 120, 202, 326, 505, 1_050, 1_600, large=0.3
    ),
    "ExterQual": _names("Fa 12, TA 616, Gd 335, Ex 37", new=0.2, fine=0.7),
    "ExterCond": _names(_FIVE(1, 23, 870, 102, 4)),
    "Foundation": _names(
        "Slab 17, BrkTil 107, CBlock 423, Stone 4, Wood 2, PConc 447",
        new=0.85,
    ),
    "BsmtQual": _names(
        "NA 28, Fa 30, TA 440, Gd 414, Ex 88", new=0.5, fine=0.4
    ),
    "BsmtCond": _names("Po 2, Fa 36, TA 919, Gd 43", fine=0.2),
    "BsmtExposure": _names("No 671, Mn 84, Av 147, Gd 97", fine=0.3),
    "BsmtFinType1": _names(_BASEMENT(300, 54, 101, 95, 151, 299), new=0.4),
    "BsmtFinSF1": _amount(
        2, 20, 176, 352, 601, 872, 1_200, 1_730, 5_600, fine=0.2, large=0.3
    ),
    "BsmtFinType2": _names(_BASEMENT(878, 31, 37, 24, 18, 12)),
    "BsmtFinSF2": _amount(6, 33, 96, 174, 354, 598, 851, 1_150, 1_530),
    "BsmtUnfSF": Column(),
    "TotalBsmtSF": Column(),
    "Heating": _names("Floor 1, Grav 9, Wall 6, GasW 27, OthW 2, GasA 2874"),
    "HeatingQC": _names(_FIVE(1, 31, 294, 162, 512), new=0.4, fine=0.3),
    "CentralAir": _names("N 67, Y 933", new=0.4, fine=0.3),
    "Electrical": _names(
        "Mix 1, FuseP 8, FuseF 50, FuseA 188, SBrkr 2671", new=0.5
    ),
    "1stFlrSF": Column(),
    "2ndFlrSF": Column(),
    "LowQualFinSF": _amount(
        53, 64, 80, 153, 366, 474, 516, 920, 1_060, zero=0.986
    ),
    "GrLivArea": _amount(
        334, 675, 925, 1_130, 1_440, 1_740, 2_150, 2_940, 5_600, large=0.97
    ),
    "BsmtFullBath": _numbers("0 584, 1 402, 2 13, 3 1", fine=0.2),
    "BsmtHalfBath": _numbers("0 939, 1 60, 2 1"),
    "FullBath": _numbers(
        "0 4, 1 448, 2 524, 3 22, 4 2", new=0.35, fine=0.1, large=0.5
    ),
    "HalfBath": _numbers("0 628, 1 363, 2 9", new=0.2, large=0.4),
    "BedroomAbvGr": _numbers(
        "0 3, 1 35, 2 254, 3 547, 4 137, 5 16, 6 7, 8 1", large=0.55
    ),
    "KitchenAbvGr": _numbers("0 1, 1 955, 2 43, 3 1"),
    "KitchenQual": _names("Fa 24, TA 511, Gd 394, Ex 71", new=0.15, fine=0.65),
    "TotRmsAbvGrd": _numbers(
        "2 1, 3 9, 4 67, 5 200, 6 289, 7 222, 8 119, 9 49, 10 27, 11 11,"
        "12 5, 13 1, 14 1, 15 1",
        large=0.82,
    ),
    "Functional": _names(
        "Sev 1, Maj2 3, Maj1 7, Mod 12, Min1 22, Min2 24, Typ 931", fine=0.2
    ),
    "Fireplaces": _numbers(
        "0 486, 1 434, 2 75, 3 4, 4 1", fine=0.2, large=0.4
    ),
    "FireplaceQu": _names(_FIVE(31, 49, 395, 496, 29), fine=0.4),
    "GarageType": _names(
        "NA 54, CarPort 5, Detchd 267, 2Types 8, Basment 12, Attchd 590,"
        "BuiltIn 64",
        new=0.4,
        fine=0.3,
    ),
    "GarageYrBlt": Column(),
    "GarageFinish": _names("Unf 446, RFn 294, Fin 260", new=0.4, fine=0.3),
    "GarageCars": Column(),
    "GarageArea": _amount(
        *(100, 190, 270, 364, 484, 583, 770, 1_030, 1_490),
        new=0.3,
        fine=0.2,
        large=0.35,
    ),
    "GarageQual": _names(_FIVE(2, 45, 943, 9, 1), new=0.2),
    "GarageCond": _names(_FIVE(5, 27, 962, 5, 1), new=0.2),
    "PavedDrive": _names("N 74, P 21, Y 905", new=0.5),
    "WoodDeckSF": _amount(
        4, 25, 85, 122, 171, 240, 332, 588, 1_420, zero=0.522, new=0.3
    ),
    "OpenPorchSF": _amount(
        4, 16, 27, 39, 63, 110, 174, 323, 740, zero=0.445, new=0.3, fine=0.2
    ),
    "EnclosedPorch": _amount(
        16, 22, 43, 89, 136, 192, 244, 404, 1_010, zero=0.843, new=-0.4
    ),
    "3SsnPorch": _amount(
        23, 46, 126, 153, 180, 238, 321, 472, 508, zero=0.987
    ),
    "ScreenPorch": _amount(
        40, 62, 110, 142, 170, 216, 266, 458, 576, zero=0.912, fine=0.1
    ),
    "PoolArea": _amount(144, 154, 256, 444, 519, 576, 720, 793, 800),
    "PoolQC": _names("NA 2909, Fa 2, Gd 4, Ex 4", fine=0.2),
    "Fence": _names("MnWw 4, GdWo 38, MnPrv 113, NA 804, GdPrv 41", new=0.1),
    "MiscFeature": _names("Othr 4, Shed 95, Gar2 5, TenC 1, NA 2814"),
    "MiscVal": _amount(54, 84, 400, 450, 600, 1_200, 2_500, 15_400, 17_000),
    "MoSold": _numbers(
        "1 42, 2 46, 3 79, 4 96, 5 135, 6 172, 7 153, 8 80, 9 54, 10 59,"
        "11 48, 12 36",
    ),
    "YrSold": _numbers("2006 212, 2007 237, 2008 213, 2009 222, 2010 116"),
    "SaleType": _names(
        "New 0, Oth 3, ConLD 9, ConLw 3, COD 30, ConLI 3, WD 865, Con 2,CWD 4",
        new=0.1,
    ),
    "SaleCondition": _names(
        "AdjLand 4, Abnorml 65, Family 16, Alloca 8, Normal 823, Partial 84",
        new=0.45,
        fine=0.3,
    ),
}
