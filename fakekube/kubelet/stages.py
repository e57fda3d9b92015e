"""x"""


class StageError(ValueError):
    """x"""
