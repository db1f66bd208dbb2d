"""Makes the class data archive of the virtualenv's Java: what it needs to start Spark without reading 11,000 classes.

`python -m devlake.class_archive` puts it where a JVM looks for it unasked, into the Java that came with the virtualenv.
So it takes no option, a Java of one's own has none of it, and the JVM itself leaves an archive alone that does not fit:
of another Java, of other jars, cut off.
"""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from devlake.child_process import Child
from devlake.errors import DevLakeError
from devlake.find_java import bundled_java
from devlake.run_glue import local_spark, spark_home

SECONDS = 600.0
"""For either step, on a busy machine; together they take half a minute of a processor's time."""
CLASSES = "classes.lst"


def archive_of(java: Path) -> Path:
    """Where a JVM of this Java looks for its archive."""
    return java / "lib" / "server" / "classes.jsa"


def make_archive(java: Path, jars: Path) -> Path:
    """Make the archive of `java` for the Spark in `jars`; returns its path. Raises DevLakeError."""
    with tempfile.TemporaryDirectory(prefix="spark-classes-") as folder:
        return dump(java, jars, list_classes(java, Path(folder)))


def list_classes(java: Path, folder: Path) -> Path:
    """A list, in `folder`, of the classes that Spark loads for the refine job."""
    # The job works in `folder`: a path of its own in an option would have to be quoted for three readers.
    environment = os.environ | local_spark(java, folder) | {"JDK_JAVA_OPTIONS": f"-XX:DumpLoadedClassList={CLASSES}"}
    _run([sys.executable, "-m", "devlake.small_refine", str(folder)], environment)
    return folder / CLASSES


def dump(java: Path, jars: Path, classes: Path) -> Path:
    """The archive of these classes, put in its place when it is whole."""
    archive = archive_of(java)
    with tempfile.TemporaryDirectory(prefix="new-", dir=archive.parent) as folder:
        fresh = Path(folder, archive.name)
        options = ["-Xshare:dump", f"-XX:SharedClassListFile={classes}", f"-XX:SharedArchiveFile={fresh}"]
        _run([str(java / "bin" / "java"), *options, "-cp", f"{jars}/*"], os.environ)
        with fresh.open("rb") as written:  # a JVM trusts an archive of the right size: what is in it has to be there
            os.fsync(written.fileno())
        fresh.replace(archive)
    return archive


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    with Child(command, environment=environment, seconds=SECONDS) as child:
        for line in child.lines():
            print(line, flush=True)
        code = child.wait()
    if code != 0:
        raise DevLakeError(f"{command[0]} failed (exit code {code}): its own words are above.")


if __name__ == "__main__":
    try:
        made = make_archive(bundled_java(), spark_home() / "jars")
    except (DevLakeError, OSError) as error:
        sys.exit(str(error))
    print(f"{made}: {made.stat().st_size / 1e6:.0f} MB")
