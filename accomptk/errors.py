"""Every error a user can cause, in one tree.

    AccomptkError
    |-- RecipeError       a recipe or an option does not make sense
    |-- DatasetError      audio, an index or a shard cannot be used
    |-- CheckpointError   weights are missing, damaged or of the wrong kind
    |-- CodecError        latents and codec do not belong together
    |-- StreamError       the stream was asked for something impossible
    `-- MissingTool       a program or package that is not installed

The command line prints the message as one line and exits with 1. A message says where,
what was found, what is allowed, and what to do.
"""


class AccomptkError(Exception):
    """Base of every error that is the input's fault, not the program's."""


class RecipeError(AccomptkError):
    """A recipe key, value or combination that cannot work."""


class DatasetError(AccomptkError):
    """Audio, an index or a shard that cannot be used."""


class CheckpointError(AccomptkError):
    """Weights that are missing, damaged, or of another kind than asked for."""


class CodecError(AccomptkError):
    """Latents, codec and model that do not belong together."""


class StreamError(AccomptkError):
    """A request that a stream cannot serve."""


class MissingTool(AccomptkError):
    """A program, package or download that has to be installed first."""
