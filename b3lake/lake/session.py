"""The AWS session of a run. The sessions of one process share botocore's large data files, which are read once."""

from functools import cache

import boto3
import botocore.session
from botocore.loaders import Loader, create_loader

DEFAULT_REGION = "us-east-1"


def open_session() -> boto3.Session:
    """A session with the credentials that boto3 finds (environment, profile, instance role), and a region."""
    found = botocore.session.get_session()
    found.register_component("data_loader", _data_files(found.get_config_variable("data_path")))
    return boto3.Session(botocore_session=found, region_name=found.get_config_variable("region") or DEFAULT_REGION)


@cache
def _data_files(path: str | None) -> Loader:
    """The loader of services, endpoints and retries, which keeps each file that it read; `path` is AWS_DATA_PATH."""
    return create_loader(path)
