"""Why Spark gave up, in one line: from texts as Spark 3.3 and 3.5 give them, shortened."""

import pytest

from b3lake.refine.errors import last_words

JAVA = (
    "An error occurred while calling o47.collectToPython.\n: org.apache.spark.SparkException: Job aborted due to stage "
    "failure: Task 0 in stage 0.0 failed 1 times, most recent failure: Lost task 0.0 in stage 0.0 (TID 0) (10.0.0.1 "
    "executor driver): {}\n\tat org.apache.spark.api.python.X.applyOrElse(PythonRunner.scala:599)\n\nDriver stacktrace:"
)
PYTHON = (
    "\n  An exception was thrown from the Python worker. Please see the stack trace below.\n"
    'Traceback (most recent call last):\n  File "worker.py", line 540, in main\n    raise RuntimeError(\n'
    "RuntimeError: Python in worker has different version 3.11 than that in driver 3.10.\n"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PYTHON, "RuntimeError: Python in worker has different version 3.11 than that in driver 3.10."),
        (
            JAVA.format("org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)"),
            "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)",
        ),
        (
            JAVA.format('java.io.IOException: Cannot run program "/no/python": error=2, No such file or directory'),
            'java.io.IOException: Cannot run program "/no/python": error=2, No such file or directory',
        ),
        (
            JAVA.format(
                "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n"
                "  File \"refine_job\", line 3, in read\nKeyError: 'close'\n"
            ),
            "KeyError: 'close'",
        ),
        ("[JAVA_GATEWAY_EXITED] Java gateway process exited.", "[JAVA_GATEWAY_EXITED] Java gateway process exited."),
        ("\n\n", "RuntimeError"),
        ("Traceback (most recent call last):\n", "Traceback (most recent call last)"),
    ],
)
def test_the_line_that_says_why(text: str, words: str) -> None:
    assert last_words(RuntimeError(text)) == words
