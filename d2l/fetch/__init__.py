"""Files by name, verified.

``file`` gives the path of one file of the registry, ``unpack`` the folder
of an archive. A file is looked for in the cache, on a mirror, in a system
package and at its public addresses, in this order, and is handed out only
after its hash was checked. What the files mean is not known here: that is
the work of ``d2l.data`` and its neighbours.

What the environment says:

- ``D2L_DATA``: the cache folder. Default: ``data/cache`` in a checkout, else
  the user's cache folder.
- ``D2L_MIRROR``: a folder or a base URL that holds files of the registry.
- ``D2L_OFFLINE``: ``1`` never touches the network.
- ``D2L_PATIENCE``: seconds that silent servers may cost a process. Default: 9.

Parts: ``registry`` lists the files, ``places`` goes from one to the next,
``cache`` keeps files and locks, ``network`` downloads with bounded patience,
``archive`` unpacks what is safe to unpack.
"""

from pathlib import Path

from d2l.fetch.errors import DataUnavailable, UnknownFile
from d2l.fetch.places import obtain, unfold
from d2l.fetch.registry import find, names

__all__ = ["DataUnavailable", "UnknownFile", "file", "names", "unpack"]


def file(name: str) -> Path:
    """Return the path of a verified local copy, fetching it if needed.

    A gzipped file is kept, and handed out, decompressed. Where the cache
    folder cannot be written, a file that lies on the machine is used from
    there, or decompressed for this process. Downloads of more
    than two seconds show a progress bar when a person watches.

    Args:
        name: A name of the registry; ``names()`` lists them.

    Returns:
        A file whose hash was checked. Read it, do not change it; a changed
        copy is noticed and replaced.

    Raises:
        UnknownFile: The registry has no such name.
        DataUnavailable: No place had the file, or the cache folder cannot
            be written and no place on this machine had it. The message
            names every place and what to do; its ``reason`` is a phrase.
    """
    return obtain(find(name))


def unpack(name: str) -> Path:
    """Return the folder with the contents of a verified archive.

    Args:
        name: The name of an archive in the registry.

    Returns:
        A folder below the cache; the paths inside are those of the archive.

    Raises:
        UnknownFile: The registry has no such name.
        ValueError: The file is not an archive; ``file`` is the right call.
        DataUnavailable: As for ``file``; or the archive was refused because
            a member would land or lead outside its folder or is a device,
            or because the contents are larger than the registry allows.
    """
    return unfold(find(name))
