"""Stands in for the GitHub CLI: the commands of the set-up script as calls of the REST API.

Source: GitHub CLI manual, "gh api" (`-f` a text, `-F` a number or true/false, `--input -` the body on standard input,
`--jq` an expression of jq; GET unless there are fields) and "gh variable set" (POST, "Create an environment variable").
"""

import json
import os
import sys
from http.client import HTTPConnection

NOTHING = "empty"
"""The expression that shows nothing of an answer: `--silent`."""


def main(words: list[str]) -> int:
    match words:
        case ["api", *rest]:
            return _api(rest)
        case ["variable", "set", name, "--repo", repository, "--env", environment, "--body", value]:
            path = f"repos/{repository}/environments/{environment}/variables"
            return _call("POST", path, {"name": name, "value": value}, NOTHING)
        case _:
            sys.exit(f"unknown command {words}")


def _api(words: list[str]) -> int:
    method, path, fields, expression, given, silent = "", "", {}, "", None, False
    rest = iter(words)
    for word in rest:
        match word:
            case "--method":
                method = next(rest)
            case "-f" | "-F":
                name, _, value = next(rest).partition("=")
                fields[name] = value if word == "-f" else json.loads(value)
            case "--input":
                assert next(rest) == "-"
                given = json.load(sys.stdin)
            case "--jq":
                expression = next(rest)
            case "--silent":
                silent = True
            case _ if path or word.startswith("-"):
                sys.exit(f"unknown option {word}")
            case _:
                path = word
    return _call(method or ("POST" if fields else "GET"), path, fields or given, NOTHING if silent else expression)


def _call(method: str, path: str, body: object, expression: str) -> int:
    place, _, prefix = os.environ["GITHUB_API_URL"].removeprefix("http://").partition("/")
    connection = HTTPConnection(place)
    connection.request(
        method,
        f"/{prefix}/{path}",
        None if body is None else json.dumps(body),
        {"Authorization": f"Bearer {os.environ['GH_TOKEN']}", "Content-Type": "application/json"},
    )
    answer = connection.getresponse()
    said = answer.read()
    if answer.status >= 300:
        sys.exit(f"gh: {said.decode()} (HTTP {answer.status})")
    if expression == NOTHING:
        said = b""
    elif expression:
        import subprocess  # most calls show nothing, and this script is started a dozen times by each test

        said = subprocess.run(["jq", "-r", expression], input=said, capture_output=True, check=True).stdout
    sys.stdout.write(said.decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
