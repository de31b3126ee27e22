"""The version, from the file that the build wrote (a tag in git is its source)."""


def version() -> str:
    """Return the version of the reconciler, such as 1.2.0."""
    try:
        from reconciler._version import __version__
    except ImportError:
        return "0.0.0"
    return str(__version__)


def tool() -> str:
    """Return name and version as plans and ledgers record them."""
    return f"tpp-reconciler {version()}"
