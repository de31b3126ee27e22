"""The stable codes of faults in files. Documentation, suppressions and SARIF refer to them."""

from enum import StrEnum


class Code(StrEnum):
    """`<layer>/<fault>`: file (can it be read), yaml (is it strict YAML), schema (is it well-formed), then meaning."""

    FILE_MISSING = "file/missing"
    FILE_NONE = "file/none-found"
    FILE_UNREADABLE = "file/unreadable"
    FILE_NOT_REGULAR = "file/not-regular"
    FILE_LINK = "file/link"
    FILE_EMPTY = "file/empty"
    FILE_TOO_LARGE = "file/too-large"
    FILE_ENCODING = "file/encoding"
    FILE_CONTROL = "file/control-character"
    FILE_BIDI = "file/bidi-character"

    YAML_SYNTAX = "yaml/syntax"
    YAML_TAB = "yaml/tab"
    YAML_DUPLICATE_KEY = "yaml/duplicate-key"
    YAML_KEY = "yaml/key-not-text"
    YAML_TAG = "yaml/tag"
    YAML_MERGE = "yaml/merge-key"
    YAML_ALIAS = "yaml/alias"
    YAML_DEPTH = "yaml/depth"
    YAML_DOCUMENTS = "yaml/documents"

    SCHEMA_TYPE = "schema/type"
    SCHEMA_MISSING = "schema/missing-key"
    SCHEMA_UNKNOWN = "schema/unknown-key"
    SCHEMA_VALUE = "schema/value"
    SCHEMA_SCHEDULE = "schema/schedule"

    TICKET_TWICE = "ticket/twice"
    TICKET_SCHEDULE = "ticket/schedule"
    TICKET_VALID_UNTIL = "ticket/valid-until"

    TIME_NO_SUCH = "time/no-such-time"
    TIME_NO_OFFSET = "time/no-offset"
    TIME_GAP = "time/gap"
    TIME_FOLD = "time/fold"
    TIME_ORDER = "time/order"
    TIME_ZONE = "time/unknown-zone"

    WINDOW_UNKNOWN = "window/unknown"
    WINDOW_RULE = "window/rule"
    WINDOW_OVER = "window/over"

    RULE_TWICE = "rule/twice"

    CONFIG_SECRET = "config/secret"
    CONFIG_SERVER = "config/server"
    CONFIG_ENVIRONMENT = "config/environment"
    CONFIG_AUTH = "config/auth"
    CONFIG_PATTERN = "config/pattern"
    CONFIG_VALUE = "config/value"

    EDIT = "edit/not-possible"
