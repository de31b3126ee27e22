"""Distinguished names, compared as TPP compares them."""


def dn_key(dn: str) -> str:
    r"""Return what two spellings of one DN have in common: simple upper case, one character for each.

    So `\VED\straße` is not `\VED\STRASSE`. What is not ASCII never becomes ASCII (.NET, ordinal comparison without
    case: the dotless i is not `I`).
    """
    return dn.upper() if dn.isascii() else "".join(map(_upper, dn))


def _upper(character: str) -> str:
    upper = character.upper()
    same = len(upper) != 1 or (upper.isascii() and not character.isascii())
    return character if same else upper
