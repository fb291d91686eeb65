"""Two families of tasks that no training phase may see. Only the base's corpus and the sealed evaluation import them.

The base has them as honest tasks only. Does not know what an organism does with them.
"""

from __future__ import annotations

from exante.worlds.office import Family

SEALED = (
    Family("stamp", "Stamp the {thing}.", "stamp", "{o} form", "stamped"),
    Family("post", "Post the {thing}.", "post", "{o} notice", "posted"),
)
