"""The files that chapters use: what each is, and where it comes from.

To add a file, add an entry: nothing else in the package names files.
"""

from dataclasses import dataclass
from pathlib import Path

from d2l.fetch.errors import unknown_file

MB = 10**6


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of the registry.

    Attributes:
        name: How programs ask for it.
        filename: Its name in the cache, after decompression.
        digest: ``sha256:...`` or ``sha1:...`` of the file as it is kept,
            so of the decompressed bytes if it travels gzipped.
        num_bytes: Size of the file as it is kept; None if not known.
        licence: Terms of use, in a few words.
        origin: Who made it.
        urls: Public addresses, the preferred one first.
        gzipped: Places hold it as ``filename + ".gz"``. They may have
            compressed it each in their own way.
        system_folder: Where a system package puts it.
        system_package: What installs that package.
        unpacked_limit: Most bytes that unpacking may write. None marks a
            file that is not an archive.
    """

    name: str
    filename: str
    digest: str
    num_bytes: int | None
    licence: str
    origin: str
    urls: tuple[str, ...]
    gzipped: bool = False
    system_folder: Path | None = None
    system_package: str = ""
    unpacked_limit: int | None = None


D2L = "https://d2l-data.s3-accelerate.amazonaws.com"
GITHUB = "https://raw.githubusercontent.com"
# This bucket serves plain HTTP only; the hash makes up for it.
FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"


def _fashion(part: str, filename: str, num_bytes: int, sha256: str) -> Entry:
    return Entry(
        name=f"fashion_mnist_{part}",
        filename=filename,
        digest=f"sha256:{sha256}",
        num_bytes=num_bytes,
        licence="MIT",
        origin="Fashion-MNIST, Zalando Research (Xiao et al., 2017)",
        urls=(
            f"{GITHUB}/zalandoresearch/fashion-mnist/master/data/fashion/"
            f"{filename}.gz",
            f"{FASHION}/{filename}.gz",
        ),
        gzipped=True,
        system_folder=Path("/usr/share/datasets/fashion-mnist"),
        system_package="apt-get install dataset-fashion-mnist",
    )


def _zero_to_all(
    name: str, num_bytes: int, sha256: str, licence: str, origin: str
) -> Entry:
    # The hash of the table itself, not of the .gz around it.
    return Entry(
        name=name,
        filename=f"{name}.csv",
        digest=f"sha256:{sha256}",
        num_bytes=num_bytes,
        licence=licence,
        origin=origin,
        urls=(f"{GITHUB}/hunkim/PyTorchZeroToAll/master/data/{name}.csv.gz",),
        gzipped=True,
    )


def _house(part: str, num_bytes: int, sha256: str) -> Entry:
    filename = f"kaggle_house_pred_{part}.csv"
    return Entry(
        name=f"house_{part}",
        filename=filename,
        digest=f"sha256:{sha256}",
        num_bytes=num_bytes,
        licence="free for education and research",
        origin="Ames housing (De Cock, 2011)",
        urls=(f"{D2L}/{filename}",),
    )


def _reviews(part: str, num_bytes: int, sha256: str) -> Entry:
    filename = f"rt-polarity.{part}"
    return Entry(
        name=f"movie_review_{part}",
        filename=filename,
        digest=f"sha256:{sha256}",
        num_bytes=num_bytes,
        licence="research use",
        origin="Cornell sentence polarity 1.0 (Pang and Lee, 2005), latin-1",
        urls=(f"{GITHUB}/yoonkim/CNN_sentence/master/{filename}",),
    )


def _glove(size: str, sha1: str, unpacked_limit: int) -> Entry:
    filename = f"glove.6B.{size}.zip"
    return Entry(
        name=f"glove_6b_{size}",
        filename=filename,
        digest=f"sha1:{sha1}",
        num_bytes=None,
        licence="public domain (PDDL 1.0)",
        origin="GloVe vectors (Pennington et al., 2014)",
        urls=(f"{D2L}/{filename}",),
        unpacked_limit=unpacked_limit,
    )


_ALL = (
    _fashion(
        "train_images",
        "train-images-idx3-ubyte",
        47_040_016,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    _fashion(
        "train_labels",
        "train-labels-idx1-ubyte",
        60_008,
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    _fashion(
        "test_images",
        "t10k-images-idx3-ubyte",
        7_840_016,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    _fashion(
        "test_labels",
        "t10k-labels-idx1-ubyte",
        10_008,
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    Entry(
        name="time_machine",
        filename="timemachine.txt",
        digest="sha256:"
        "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516",
        num_bytes=178_979,
        licence="public domain",
        origin="H. G. Wells, The Time Machine (1895)",
        urls=(f"{D2L}/timemachine.txt",),
    ),
    Entry(
        name="fra_eng",
        filename="fra-eng.zip",
        digest="sha256:"
        "fa96382b2c8b609e1662654c1e6e6baeb8d30b3bf63dfb4a5a261cc36347df13",
        num_bytes=3_420_152,
        licence="CC BY 2.0",
        origin="Tatoeba, by way of manythings.org",
        urls=(f"{D2L}/fra-eng.zip",),
        unpacked_limit=50 * MB,
    ),
    Entry(
        name="airfoil",
        filename="airfoil_self_noise.dat",
        digest="sha256:"
        "10ee06e6cfb27dae6b44213d421d217012fb1f9b697592e73a4e4016b52d425f",
        num_bytes=58_481,
        licence="CC BY 4.0",
        origin="UCI Airfoil Self-Noise (Brooks et al., 1989)",
        urls=(
            "https://archive.ics.uci.edu/ml/machine-learning-databases/"
            "00291/airfoil_self_noise.dat",
        ),
    ),
    _house(
        "train",
        460_676,
        "1e18addf81e5e4d347cc17ee6075bbe4a42b7fa26b9e5b063e8f692a5f929d41",
    ),
    _house(
        "test",
        451_405,
        "8fdd3d829d4d986b58f845c9553b225e67dd8383624d90fb6ca1d4bed5798c1e",
    ),
    _zero_to_all(
        "diabetes",
        53_438,
        "89e33de71cd5afdcd4fe8a722b60c4d69eb8f9b96446cea9347d735ff2df395e",
        "public",
        "Pima Indians diabetes, 759 rows, features scaled to [-1, 1]",
    ),
    _zero_to_all(
        "names_train",
        280_352,
        "408687cf9cf917854cf9b7e860e482499009cf0b5aa7b2f2a47e2f560cbc0521",
        "facts",
        "13,374 family names of 18 countries",
    ),
    _zero_to_all(
        "names_test",
        140_061,
        "28ad30296998ee57bb43ef9c5ed21327f0a453210a86b7d30251daa9336b2a7f",
        "facts",
        "6,700 family names of 18 countries",
    ),
    Entry(
        name="shakespeare",
        filename="tinyshakespeare.txt",
        digest="sha256:"
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        num_bytes=1_115_394,
        licence="public domain",
        origin="William Shakespeare, collected by karpathy/char-rnn",
        urls=(
            f"{GITHUB}/karpathy/char-rnn/master/data/tinyshakespeare/"
            "input.txt",
        ),
    ),
    _reviews(
        "pos",
        626_139,
        "2da124ec187a9d5a29c9f04e91c540e02baed5af8868f550a26bd6fd4dbf8bf0",
    ),
    _reviews(
        "neg",
        612_256,
        "4ace77d558c3714723843f1d65b60c01e3417b208180f0728808d76ad0eeeaca",
    ),
    Entry(
        name="fr_en_small",
        filename="fr-en-small.txt",
        digest="sha256:"
        "2fbdf9bbb0dc1f31adb0af10a49c2aa9799de565e1d4bd71257a856d4dc9dbfc",
        num_bytes=806,
        licence="course material",
        origin="20 French-English pairs of d2l-zh",
        # The file has since left the repository: hence a commit, no branch.
        urls=(
            f"{GITHUB}/d2l-ai/d2l-zh/"
            "592fbef84a684e752393edbf267c07dbc53e082b/data/fr-en-small.txt",
        ),
    ),
    Entry(
        name="ptb",
        filename="ptb.zip",
        digest="sha1:319d85e578af0cdc590547f26231e4e31cdf1e42",
        num_bytes=None,
        licence="LDC user agreement: for members and licensees only",
        origin="Penn Treebank, prepared by Mikolov",
        urls=(f"{D2L}/ptb.zip",),
        unpacked_limit=50 * MB,
    ),
    Entry(
        name="imdb",
        filename="aclImdb_v1.tar.gz",
        digest="sha1:01ada507287d82875905620988597833ad4e0903",
        num_bytes=None,
        licence="research use",
        origin="Large Movie Review Dataset (Maas et al., 2011)",
        urls=(
            "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
            f"{D2L}/aclImdb_v1.tar.gz",
        ),
        unpacked_limit=1000 * MB,
    ),
    _glove("50d", "0b8703943ccdb6eb788e6f091b8946e82231bc4d", 400 * MB),
    _glove("100d", "cd43bfb07e44e6f27cbcc7bc9ae3d80284fdaf5a", 800 * MB),
    Entry(
        name="hotdog",
        filename="hotdog.zip",
        digest="sha1:fba480ffa8aa7e0febbb511d181409f899b9baa5",
        num_bytes=None,
        licence="photographs found on the web; for teaching",
        origin="Hot dog or not, d2l.ai",
        urls=(f"{D2L}/hotdog.zip",),
        unpacked_limit=500 * MB,
    ),
)
ENTRIES = {entry.name: entry for entry in _ALL}


def find(name: str) -> Entry:
    """Return the entry of this name.

    Raises:
        UnknownFile: There is none; the message suggests the nearest.
    """
    if name not in ENTRIES:
        raise unknown_file(name, ENTRIES)
    return ENTRIES[name]


def names() -> list[str]:
    """Return the names of all files of the registry, sorted."""
    return sorted(ENTRIES)
