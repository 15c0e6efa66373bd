"""The pedigree tree of a node: from the figure down to method, clause, parameter rows, input rows and file hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qingshan.core.errors import UnknownName
from qingshan.core.method import REGISTRY, Choice

from .figure import Node
from .run import Run, figure_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 24
SHOWN = 2


def explain(run: Run, key: str, depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Nested record of a node and everything below it.

    A node that stands in several places is opened at its first and marked `"again": True` at the others, so the record
    grows with the nodes, not with the paths; below `depth` levels only `"more"`, the number of parts, is given. Raises `UnknownName` for an unknown key.
    """
    if key not in run.nodes:
        raise UnknownName(f"{run.id} has no node {key!r}.", f"核算里没有 {key!r} 这一步。")
    return _tree(run, key, set(), depth)


def _tree(run: Run, key: str, seen: set[str], depth: int) -> dict[str, Any]:
    node = run.nodes[key]
    value, span, reach = figure_of(node, run.scenarios) if not _nested(node) else (None, None, None)
    zh, en = run.names(node.quantity)
    tree: dict[str, Any] = {
        "key": node.key, "kind": node.kind, "quantity": node.quantity, "zh": zh, "en": en, "place": node.place, "cls": node.cls,
        "period": node.period, "basis": node.basis, "value": value, "span": span, "range": reach, "unit": node.unit,
        "labels": list(node.labels), "flags": list(node.flags), "notes": node.notes, "choices": dict(node.choices),
    }  # fmt: skip
    if {"zh", "en"} <= set(node.notes):  # a step or stage names itself
        tree |= {"zh": node.notes["zh"], "en": node.notes["en"]}
    tree |= _names(run, node)
    if "left_out" in node.notes:
        tree["notes"] = node.notes | {
            "left_out": [p | _names_of(run, p["place"], p["cls"]) for p in node.notes["left_out"]]
        }
    if node.method:
        tree["method"] = _method(run, node)
    if node.row:
        tree["row"] = _row(run, node)
    if node.refusal:
        tree["refusal"] = node.refusal.record()
    if key in seen and node.args:
        tree["again"] = True
    elif depth:
        seen.add(key)
        tree["children"] = [{"role": role, "tree": _tree(run, child, seen, depth - 1)} for role, child in node.args]
    else:
        tree["more"] = len(node.args)
    return tree


def _names(run: Run, node: Node) -> dict[str, str]:
    """Names of place and class (or item) beside their codes."""
    return _names_of(run, node.place, node.cls)


def _names_of(run: Run, code: str, cls: str) -> dict[str, str]:
    place = run.zone.places.get(code)
    parts = [
        run.classes.get(part) or run.groups.get(part, {"zh": part, "en": part})
        for part in ([cls] if ":" in cls else cls.split(">"))
    ]  # `forest>grass`: a change of class; `age_class:>60`: a class of inventories, column:value
    return {
        "place_zh": place.name_zh if place else "", "place_en": place.name_en if place else "",
        "cls_zh": "→".join(p["zh"] for p in parts), "cls_en": " > ".join(p["en"] for p in parts),
    }  # fmt: skip


def _nested(node: Node) -> bool:
    return bool(node.value) and isinstance(node.value[0], list)


def _method(run: Run, node: Node) -> dict[str, Any]:
    method = run.domains.registry[node.method]
    return {
        "ref": method.ref, "zh": method.zh, "en": method.en, "formula": method.formula, "status": method.status,
        "clause": {"document": method.clause.document, "where": method.clause.where}, "code": node.code,
        "arguments": {
            name: {"zh": a.zh, "en": a.en, "unit": "" if isinstance(a, Choice) else a.unit} for name, a in method.arguments.items()
        },
    }  # fmt: skip


def _row(run: Run, node: Node) -> dict[str, Any]:
    """The row with the hash of the file that holds it."""
    row = dict(node.row or {})
    file = str(row.get("file") or row.get("origin") or "")
    hashes = {f.removeprefix("inputs/zone/"): h for f, h in run.manifest["files"].items()} | run.manifest["domains"]
    row["file_sha256"] = str(row.get("sha256") or hashes.get(file, ""))
    return row


def as_text(tree: dict[str, Any], lang: str = "en", full: bool = False) -> str:
    """The tree as indented text for a terminal. Unless `full`, a roll-up or series shows its first parts and counts the rest."""
    return "\n".join(_lines(tree, lang, "", "", full))


def _lines(tree: dict[str, Any], lang: str, role: str, indent: str, full: bool) -> Iterator[str]:
    name = _name(tree, lang) if tree["kind"] != "parameter" else role or tree["quantity"]
    where = "".join(f" {p}" for p in (tree["place"], tree["cls"], tree["period"], tree["basis"]) if p)
    head = f"{role}: " if role not in ("", name) else ""
    shown = _shown(tree, lang)
    figure = (
        f" = {shown}"
        if tree["value"] is not None or tree["span"] or tree.get("refusal")
        else f" ({shown})"
        if shown
        else ""
    )
    yield f"{indent}{head}{name} [{tree['quantity']}]{where}{figure}{_badges(tree)}{_again(tree, lang)}"
    inside = indent + "  "
    if method := tree.get("method"):
        yield f"{inside}{method['ref']}  {method['formula']}"
        yield f"{inside}  {method['clause']['document']}, {method['clause']['where']} ({method['status']})"
    if row := tree.get("row"):
        where = f"{row.get('file') or row.get('origin', '')}:{row.get('row') or row.get('line', '')}".rstrip(":")
        source = ", ".join(
            p for p in (row.get("source_title", ""), row.get("source_where") or row.get("issuer", "")) if p
        )
        which = (
            ", ".join(str(row[c]) for c in ("set", "place", "year") if row.get(c))
            if tree["kind"] == "parameter"
            else ""
        )
        source = f"{source}; {which}" if which else source
        source = (
            f"{source}; {'录入' if lang == 'zh' else 'filled by'} {row['filled_by']}"
            if row.get("filled_by")
            else source
        )
        yield f"{inside}{where}  sha256 {row['file_sha256'][:16] or 'built in'}  {source} ({row.get('status')})"
    for ref in tree["notes"].get("methods", ()):
        formula = REGISTRY[ref].formula if ref in REGISTRY else ""
        yield f"{inside}{ref}  {formula}".rstrip()
    for name, word in tree["choices"].items():
        yield f"{inside}{name} = {word}"
    if "left_out" in tree["notes"]:
        key = "zh" if lang == "zh" else "en"
        left = ("、" if lang == "zh" else ", ").join(
            p[f"cls_{key}"] or p[f"place_{key}"] or p["quantity"] for p in tree["notes"]["left_out"]
        )
        yield f"{inside}{'未计入' if lang == 'zh' else 'left out'}: {left}"
    if refusal := tree.get("refusal"):
        yield from _refusal(refusal, lang, inside)
    children = tree.get("children", ())
    alike: dict[tuple[str, str], int] = {}
    for child in children:
        kind = (child["tree"]["quantity"], child["role"].split(":")[0] if ":" in child["role"] else "")
        alike[kind] = alike.get(kind, 0) + 1
        if full or alike[kind] <= SHOWN:
            yield from _lines(child["tree"], lang, _role(tree, child, lang), inside, full)
    for (quantity, _), count in alike.items():
        if not full and count > SHOWN:
            more = f"另有 {count - SHOWN} 项 {quantity}" if lang == "zh" else f"and {count - SHOWN} more of {quantity}"
            yield f"{inside}… {more} (--full)"


def _name(tree: dict[str, Any], lang: str) -> str:
    return str(tree["zh" if lang == "zh" else "en"] or tree["quantity"])


def _role(tree: dict[str, Any], child: dict[str, Any], lang: str) -> str:
    """What a part is to the whole: the argument's name, the place, the class; area weights say so."""
    role, part = child["role"], child["tree"]
    key = "zh" if lang == "zh" else "en"
    if argument := tree.get("method", {}).get("arguments", {}).get(role):
        return str(argument[key])
    if role == part["place"]:
        return f"{role} {part[f'place_{key}']}"
    if role == part["cls"]:
        return str(part[f"cls_{key}"])
    if role.startswith("area:"):
        return f"{'权重' if lang == 'zh' else 'weight'} {part['place']} {part[f'place_{key}']}"
    return str(role)


def _again(tree: dict[str, Any], lang: str) -> str:
    return ("  （见上）" if lang == "zh" else "  (as above)") if tree.get("again") else ""


def _shown(tree: dict[str, Any], lang: str) -> str:
    if tree.get("refusal"):
        return "拒算" if lang == "zh" else "refused"
    value = "" if tree["value"] is None else _number(tree["value"])
    figure = "..".join(_number(v) for v in tree["span"]) if tree["span"] else value
    reach = f" ({'..'.join(_number(v) for v in tree['range'])})" if tree["range"] else ""
    if grade := _grade(tree, lang):
        return f"{figure} {grade}"
    return f"{figure} {tree['unit']}{reach}".strip()


def _grade(tree: dict[str, Any], lang: str) -> str:
    """The word of a grade that a method gives, '' for any other figure."""
    ref = (tree.get("method") or {}).get("ref", "")
    if ref not in REGISTRY or tree["value"] is None:
        return ""
    result = REGISTRY[ref].result
    words = result.labels_en if lang == "en" and result.labels_en else result.labels
    return words[int(tree["value"])] if words and 0 <= tree["value"] < len(words) else ""


def _number(value: float) -> str:
    """Ten significant digits, thousands apart, without a power of ten where people would write the figure out."""
    return f"{value:,.0f}" if 1e9 <= abs(value) < 1e15 else f"{value:,.10g}"


def _badges(tree: dict[str, Any]) -> str:
    marks = [*tree["labels"], *tree["flags"]]
    return f"  [{', '.join(marks)}]" if marks else ""


def _refusal(refusal: dict[str, Any], lang: str, indent: str) -> Iterator[str]:
    text = refusal["zh"] if lang == "zh" else refusal["en"]
    document = refusal["document"]
    tail = f"  <- {document}" if document else ""
    yield f"{indent}{'拒算' if lang == 'zh' else 'refused'}: {text}{tail}"
    for cause in refusal["causes"]:
        yield from _refusal(cause, lang, indent + "  ")
