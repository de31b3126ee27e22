"""The files of an audit pack that say how to verify it: proof, reviews and VERIFY.md."""

from collections.abc import Iterator

from reconciler.codec import Json, json_pieces, plain
from reconciler.model.record import Audit, Record
from reconciler.rendering.escape import code

_GUIDE = """\
# How to verify this pack

This pack holds records of decisions on approval tickets, and the proof that they stand in a ledger whose lines are
chained by SHA-256. Checking it takes a POSIX shell with its usual companions, `sha256sum`, `jq` and, for manifests,
`git`; only the last step takes the tool that wrote it. Unpack it, open a shell in its folder, and run the steps in
their order. Every step says so when something is wrong and then stops; silence or `OK` means that it holds.

{asked}

## 1. The pack arrived whole
```sh
sha256sum --check --quiet SHA256SUMS && echo "pack: OK"
```

## 2. Every line is the one that was written
Each line names the hash of the line before (`previous`); the first one names the hash of the heads that its run found.
A file may end in a piece without a line end: a write that a crash cut off, which counts as never written.
```sh
find ledger -name '*.jsonl' | sort | while read -r file; do
  expected=$(head -n 1 "$file" | jq -cS .heads | tr -d '\\n' | sha256sum | cut -d ' ' -f 1)
  number=0
  while IFS= read -r line; do
    number=$((number + 1))
    test "$(printf '%s' "$line" | jq -r .previous)" = "sha256:$expected" ||
      {{ echo "$file: line $number does not follow the line before it" >&2; exit 1; }}
    expected=$(printf '%s' "$line" | sha256sum | cut -d ' ' -f 1)
  done < "$file"
done && echo "lines: OK"
```

## 3. Every file is the one that later runs found
The first line of a run names the last lines that were there (`heads`). Files from before the first record of this pack
are not in it.
```sh
find ledger -name '*.jsonl' | sort | while read -r file; do
  head -n 1 "$file" | jq -r '.heads[] | "\\(.path) \\(.lines) \\(.hash)"' | while read -r path lines hash; do
    test -f "ledger/$path" || continue
    found=$(sed -n "${{lines}}p" "ledger/$path" | tr -d '\\n' | sha256sum | cut -d ' ' -f 1)
    test "sha256:$found" = "$hash" ||
      {{ echo "ledger/$path: line $lines is not the one that $file names" >&2; exit 1; }}
  done || exit 1
done && echo "files: OK"
```

## 4. The heads are those of the ledger
The hash over all heads is the ledger's. **Compare it with one that you did not get from the same hands**: plans name
the ledger's head as they found it (`ledger_head`); attestations of runs and notes of your own do, too.
```sh
jq -r '.heads[] | "\\(.path) \\(.lines) \\(.hash)"' proof.json | while read -r path lines hash; do
  test -f "ledger/$path" || continue
  found=$(sed -n "${{lines}}p" "ledger/$path" | tr -d '\\n' | sha256sum | cut -d ' ' -f 1)
  test "sha256:$found" = "$hash" || {{ echo "ledger/$path: line $lines is not the head" >&2; exit 1; }}
done &&
  test "$(jq -r .head proof.json)" = "sha256:$(jq -cS .heads proof.json | tr -d '\\n' | sha256sum | cut -d ' ' -f 1)" &&
  echo "heads: OK, the ledger is $(jq -r .head proof.json)"
```

## 5. Every record is a line of the ledger and says what that line says
```sh
jq -c '.records[]' records.json | while IFS= read -r record; do
  path=$(printf '%s' "$record" | jq -r .ledger.path)
  number=$(printf '%s' "$record" | jq -r .ledger.line)
  hash=$(printf '%s' "$record" | jq -r .ledger.hash)
  line=$(sed -n "${{number}}p" "ledger/$path")
  test "sha256:$(printf '%s' "$line" | sha256sum | cut -d ' ' -f 1)" = "$hash" ||
    {{ echo "records.json: ledger/$path line $number is another line" >&2; exit 1; }}
  says='[.guid, .at, .decision, .run, .after, (.outcome // .entry), .review, .commit, .identity]'
  of='[.guid, .at, .decision, .run, .after,
    (if .outcome == "open" or .outcome == "superseded" then "intent"
     elif .outcome == "attention-ended" then "attention" else .outcome end),
    .provenance.review, .provenance.commit, .provenance.identity]'
  test "$(printf '%s' "$line" | jq -cS "$says")" = "$(printf '%s' "$record" | jq -cS "$of")" ||
    {{ echo "records.json: not what ledger/$path line $number says" >&2; exit 1; }}
  path=$(printf '%s' "$record" | jq -r '(.decided // .ledger).path')
  number=$(printf '%s' "$record" | jq -r '(.decided // .ledger).line')
  test "$(sed -n "${{number}}p" "ledger/$path" | jq -cS .review)" = "$(printf '%s' "$record" | jq -cS .review)" ||
    {{ echo "records.json: ledger/$path line $number names other people" >&2; exit 1; }}
  grep -q "$hash" records.csv || {{ echo "records.csv: $hash is missing" >&2; exit 1; }}
done && echo "records: OK"
```

## 6. The plans are those that were applied
The first line of a run names the digest of what its plan means (`digest`) and the SHA-256 of the plan's file (`plan`).
A plan whose file no line names, as in runs of early releases, is checked in step 8, as far as its meaning goes.
```sh
if test -d plans; then
  find plans -name '*.json' | sort | while read -r plan; do
    digest=$(jq -r .digest "$plan")
    test "$plan" = "plans/$(printf '%s' "$digest" | cut -d : -f 2).json" ||
      {{ echo "$plan: has the digest $digest" >&2; exit 1; }}
    opened=$(find ledger -name '*.jsonl' -exec head -q -n 1 {{}} + | jq -c --arg d "$digest" 'select(.digest == $d)')
    test -n "$opened" || {{ echo "$plan: no run of this pack applied it" >&2; exit 1; }}
    named=$(printf '%s\n' "$opened" | jq -r '.plan // empty')
    test -z "$named" || printf '%s\n' "$named" | grep -qx "sha256:$(sha256sum < "$plan" | cut -d ' ' -f 1)" ||
      {{ echo "$plan: is not the file that its run names" >&2; exit 1; }}
  done
fi && echo "plans: OK"
```

## 7. The manifests are those of the commits that the ledger names
`git/` has the commits and folders that lead to them. Git names each by its content, so nobody needs a clone.
```sh
if test -d manifests; then
  objects=$(mktemp -d) && prefix=$(jq -r .prefix proof.json) &&
  case $(find git -name '*.commit' | head -n 1) in
    git/?????????????????????????????????????????????????????????????*.commit) format=sha256 ;;
    *) format=sha1 ;;
  esac &&
  git init --quiet --bare --object-format="$format" "$objects" &&
  find git -type f | sort | while read -r file; do
    name=${{file##*/}}
    found=$(git --git-dir="$objects" hash-object -w -t "${{name##*.}}" "$file") &&
    test "$found" = "${{name%.*}}" || {{ echo "$file: is another object of git" >&2; exit 1; }}
  done &&
  find manifests -type f | sort | while read -r file; do
    rest=${{file#manifests/}} && commit=${{rest%%/*}} && path=${{rest#*/}} &&
    test "$(git --git-dir="$objects" rev-parse "$commit:$prefix$path")" = \
      "$(git --git-dir="$objects" hash-object "$file")" ||
      {{ echo "$file: is not the file of that commit" >&2; exit 1; }}
    jq -e --arg c "$commit" --arg p "$path" \
      'any(.records[]; .provenance.commit == $c and .source.path == $p)' records.json > "$objects/named" ||
      {{ echo "$file: no record names it" >&2; exit 1; }}
  done
fi && echo "manifests: OK"
```

## 8. What people read says what the ledger says
`summary.html`, `records.csv`, `reviews.json`, `records.json`, `proof.json` and this page are made from the ledger.
Take a release of the reconciler from where you trust it, not from whoever gave you the pack; it makes them again and
compares each byte.
```sh
if command -v reconciler > "${{TMPDIR:-/tmp}}/where-$$"; then
  reconciler ledger verify --pack .
else
  echo "views: NOT CHECKED, for want of the reconciler: read records.json, which step 5 checked"
fi
```

## 9. The rules are those that the runs had
`policy.json` says which configuration the runs of this pack had, since when, and who brought it; `configurations/` has
them, each under its SHA-256.
```sh
if test -d configurations; then
  find configurations -type f | sort | while read -r file; do
    test "$file" = "configurations/$(sha256sum < "$file" | cut -d ' ' -f 1).yaml" ||
      {{ echo "$file: is another configuration" >&2; exit 1; }}
  done || exit 1
fi
jq -c '.changes[]' policy.json | while IFS= read -r change; do
  run=$(printf '%s' "$change" | jq -r .run)
  says=$(find ledger -name "$run.jsonl" -exec head -q -n 1 {{}} + | jq -cS '[.config, .config_commit, .config_review]')
  test "$says" = "$(printf '%s' "$change" | jq -cS '[.config, .commit, .review]')" ||
    {{ echo "policy.json: run $run had other rules, or is not here" >&2; exit 1; }}
done && echo "rules: OK"
```

## 10. How far the origin is proven
Whoever can write the ledger can write all of it anew, with other people in it, and everything above holds. Plans and
comments that lay elsewhere name lines of the ledger as it was; those that were handed in are in `anchors/`. Every line
that they name has to be here, and every run that the plans of this pack name in the ledger (`heads` in `proof.json`).
Without any from outside the pack is consistent, and not proven original.
```sh
named() {{
  find "$1" -name '*.json' -exec jq -r '.ledger_heads[]? | "\\(.path) \\(.lines) \\(.hash)"' {{}} +
  find "$1" -type f ! -name '*.json' -exec cat {{}} + | tr -d '`' |
    grep -oE '[0-9]{{4}}/[0-9]{{2}}/[A-Za-z0-9-]+\\.jsonl:[0-9]+ +sha256:[0-9a-f]{{64}}' |
    sed 's/:\\([0-9]*\\) */ \\1 /'
}}
outside=$(if test -d anchors; then named anchors; fi | sort -u)
{{ printf '%s\\n' "$outside"; if test -d plans; then named plans; fi; }} | sort -u | while read -r path lines hash; do
  test -n "$path" || continue
  test -f "ledger/$path" || printf '%s\\n' "$outside" | grep -qF "$hash" ||
    ! jq -e --arg p "$path" 'any(.heads[]; .path == $p)' proof.json > "${{TMPDIR:-/tmp}}/known-$$" || continue
  test -f "ledger/$path" &&
    test "sha256:$(sed -n "${{lines}}p" "ledger/$path" | tr -d '\\n' | sha256sum | cut -d ' ' -f 1)" = "$hash" ||
    {{ echo "ledger/$path: line $lines is not the one that a plan or comment names" >&2; exit 1; }}
done && if test -n "$outside"; then
  echo "origin: OK, the ledger has every line that plans and comments from outside name"
else
  echo "origin: internally consistent; not proven original"
fi
```

## What else is here
`summary.html` and `records.csv` show the records; `reviews.json` says who wrote and reviewed the commit of each run.
Where runs were signed on GitHub, `jq -cS .heads proof.json | tr -d '\n' > heads.json` gives the file that
`gh attestation verify heads.json` takes, with `--repo`, `--signer-workflow` and
`--predicate-type urn:tpp-reconciler:predicate:decisions:v1`. {absent}
"""


def proof_json(audit: Audit) -> Iterator[str]:
    """Yield what VERIFY.md checks: the head of the ledger, the heads behind it, and the place of every record."""
    return json_pieces(
        {
            "version": 1,
            "asked": dict(audit.asked),
            "filter": {name: list(values) for name, values in audit.chosen.items()},
            "prefix": audit.prefix,
            "head": audit.head,
            "heads": audit.heads,
            "files": list(audit.files),
            "records": map(_place, audit.records),
            "absent": [{"what": absent.what, "why": absent.why} for absent in audit.absent],
        }
    )


def reviews_json(audit: Audit) -> Iterator[str]:
    """Yield who decided: for each run its commit, review and identity."""
    reviews: list[Json] = [{"run": run, **plain(audit.runs[run])} for run in sorted(audit.runs)]
    return json_pieces({"version": 1, "runs": reviews})


def _place(record: Record) -> dict[str, Json]:
    source = record.line.source
    return {"path": source.path, "line": source.line, "hash": record.line.hash, "guid": record.guid}


def verify_guide(audit: Audit) -> str:
    """Return VERIFY.md. Its commands are the same for every pack."""
    asked = "\n".join(f"- {name}: {code(value)}" for name, value in audit.asked) or "- everything in the ledger"
    missing = (
        "What could not be found is named in `proof.json` under `absent`." if audit.absent else "Nothing is missing."
    )
    return _GUIDE.format(asked=f"What was asked for:\n\n{asked}", absent=missing)
