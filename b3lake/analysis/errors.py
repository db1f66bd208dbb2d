"""The one error that reading the lake from Python raises."""

from b3lake.lake.errors import B3LakeError


class AnalysisError(B3LakeError):
    """The lake, a table or a ticker is not there; the text is one sentence for a person, with what to do next."""
