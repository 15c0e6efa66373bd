"""A register as its TOML file declares it: fields, states, transitions, rules, deadlines. Checked when it is read.

    id = "discharge_permit"
    zh, en = …                    names of the register
    create_by = [role, …]         who may enter a record;  read_by: who may read it (default: everyone)
    [[field]]      id, kind, zh, en, unit | unit_field, choices, choices_zh, choices_en, low, high, required, many, private, register, formerly
    [[state]]      id, zh, en, editable
    [[transition]] id, zh, en, from = [state, …], to, by = [role, …], second = [role, …], needs = [field, …], evidence = [name, …], command, lot
    [[deadline]]   id, zh, en, state, days, counting = "working" | "calendar", clause, field, value, date
    [[rule]]       kind = "unique" | "no_role" | "no_overlap", fields, roles, states, also = [register, …], document, clause, zh, en

The first state is the one a record begins in. `second` names the roles of the other person who must confirm. A step with a
`command` is taken by that command of the venue alone, such as the issue of units; a form cannot take it.
A step with `lot` is only for a record on which a lot was issued (true), or none (false).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from qingshan.core.domain import Domains, load_domains
from qingshan.core.errors import DeclarationError, QingshanError, UnknownName
from qingshan.core.units import unit as parse_unit

__all__ = ["KINDS", "Deadline", "Field", "Register", "Rule", "State", "Transition", "find_register", "registers"]

KINDS = (
    "text",
    "long_text",
    "choice",
    "whole",
    "decimal",
    "date",
    "yes_no",
    "place",
    "geometry",
    "file",
    "reference",
    "person",
)
RULES = ("unique", "no_role", "no_overlap")
COUNTING = ("working", "calendar")


@dataclass(frozen=True)
class Field:
    """One field. Numbers have a unit and limits in it, or `unit_field` names the choice that holds their unit; `register` is the
    target of a reference; `private` is shown to staff only."""

    id: str
    kind: str
    zh: str
    en: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    required: bool = False
    many: bool = False
    private: bool = False
    register: str = ""
    unit_field: str = ""
    choices_zh: tuple[str, ...] = ()
    choices_en: tuple[str, ...] = ()
    formerly: tuple[str, ...] = ()
    """Names of before, which a file to import may still have over its column."""

    def word(self, value: Any, lang: str) -> str:
        """A choice in words."""
        words = self.choices_zh if lang == "zh" else self.choices_en
        return words[self.choices.index(value)] if words and value in self.choices else str(value)


@dataclass(frozen=True)
class State:
    """A state of a record. Its fields may be changed where it is `editable`."""

    id: str
    zh: str
    en: str
    editable: bool = False


@dataclass(frozen=True)
class Transition:
    """A step from one of the states `source` to `target`; with `command`, only that command of the venue takes it. With `lot` True it is for
    a record on which a lot was issued, False for one without."""

    id: str
    zh: str
    en: str
    source: tuple[str, ...]
    target: str
    by: tuple[str, ...]
    second: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    command: str = ""
    lot: bool | None = None


@dataclass(frozen=True)
class Deadline:
    """A record may stay in `state` for so many days; with `field`, only a record whose field has the `value`. With `date`, the
    days run from the day in that field, not from the day on which the state began."""

    id: str
    zh: str
    en: str
    state: str
    days: int
    counting: str = "calendar"
    clause: str = ""
    field: str = ""
    value: str = ""
    date: str = ""


@dataclass(frozen=True)
class Rule:
    """What must hold of the records: see the module. Records in `states` count (default: all), with `no_overlap` also those of the registers
    `also` by their own rule of that kind; `beside` is what `registers` made of them: id, fields, states of each."""

    kind: str
    fields: tuple[str, ...]
    zh: str
    en: str
    roles: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    document: str = ""
    clause: str = ""
    also: tuple[str, ...] = ()
    beside: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Register:
    """A whole register. Make it with `Register.of`, which checks it."""

    id: str
    zh: str
    en: str
    create_by: tuple[str, ...]
    read_by: tuple[str, ...]
    fields: tuple[Field, ...]
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]
    deadlines: tuple[Deadline, ...] = ()
    rules: tuple[Rule, ...] = ()
    content: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any], roles: Sequence[str] = ()) -> Register:
        """Read and check a declaration; `roles` are those that exist (none given: not checked). Raises `DeclarationError`."""
        where = f"register {raw.get('id', '?')}"
        try:
            made = cls(
                raw["id"], raw["zh"], raw["en"], tuple(raw["create_by"]), tuple(raw.get("read_by", ())),
                tuple(Field(**_tuples(f)) for f in raw["field"]), tuple(State(**s) for s in raw["state"]),
                tuple(Transition(**_tuples({_KEYS.get(k, k): v for k, v in t.items()})) for t in raw.get("transition", ())),
                tuple(Deadline(**d) for d in raw.get("deadline", ())), tuple(Rule(**_tuples(r)) for r in raw.get("rule", ())), dict(raw),
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise DeclarationError(
                f"the register cannot be read: {error}.", f"登记簿声明无法读取：{error}。", where=where
            ) from None
        for text in made._faults(roles):
            raise DeclarationError(text, where=where)
        return made

    @cached_property
    def field_by_id(self) -> dict[str, Field]:
        return {f.id: f for f in self.fields}

    @cached_property
    def state_by_id(self) -> dict[str, State]:
        return {s.id: s for s in self.states}

    @cached_property
    def land_rule(self) -> Rule | None:
        """The rule by which land and time are counted once, where there is one."""
        return next((r for r in self.rules if r.kind == "no_overlap"), None)

    def transition(self, id: str) -> Transition:
        """Raises `UnknownName`."""
        for t in self.transitions:
            if t.id == id:
                return t
        known = ", ".join(t.id for t in self.transitions)
        raise UnknownName(
            f"{self.en} has no step {id!r} (known: {known}).", f"{self.zh}没有步骤 {id!r}（现有：{known}）。"
        )

    def steps_from(self, state: str) -> list[Transition]:
        return [t for t in self.transitions if state in t.source]

    def _faults(self, roles: Sequence[str]) -> list[str]:
        fields, states = set(self.field_by_id), set(self.state_by_id)
        faults = [f"{what} {id!r} is given twice." for what, ids in (
            ("field", [f.id for f in self.fields]), ("state", [s.id for s in self.states]), ("step", [t.id for t in self.transitions]),
        ) for id in {i for i in ids if ids.count(i) > 1}]  # fmt: skip
        faults += [text for f in self.fields for text in _field_faults(f, self.field_by_id)]
        for t in self.transitions:
            if strange := sorted({*t.source, t.target} - states) or sorted(set(t.needs) - fields):
                faults.append(f"step {t.id}: {strange} is not declared.")
            if not t.by:
                faults.append(f"step {t.id}: nobody may do it.")
        for d in self.deadlines:
            dated = not d.date or (d.date in fields and self.field_by_id[d.date].kind == "date")
            if (
                d.state not in states
                or (d.days < 0 and not (d.date and d.counting == "calendar"))
                or d.counting not in COUNTING
                or (d.field and d.field not in fields)
                or not dated
            ):
                faults.append(f"deadline {d.id}: state, days, counting, field or date is wrong.")
        for r in self.rules:
            if (
                r.kind not in RULES
                or set(r.fields) - fields
                or set(r.states) - states
                or (r.kind == "no_role") != bool(r.roles)
                or (r.kind != "no_overlap" and r.also)
            ):
                faults.append(f"rule {r.kind}: kind, fields, roles, states or also are wrong.")
        named = {
            *self.create_by,
            *self.read_by,
            *(x for t in self.transitions for x in (*t.by, *t.second)),
            *(x for r in self.rules for x in r.roles),
        }
        if roles and (strange := sorted(named - set(roles))):
            faults.append(f"the roles {strange} do not exist.")
        return faults


def _field_faults(f: Field, known: Mapping[str, Field]) -> list[str]:
    faults = []
    if f.kind not in KINDS:
        faults.append(f"field {f.id}: {f.kind!r} is no kind ({', '.join(KINDS)}).")
    if (f.kind == "choice") != bool(f.choices):
        faults.append(f"field {f.id}: choices belong to the kind choice.")
    if any(words and len(words) != len(f.choices) for words in (f.choices_zh, f.choices_en)):
        faults.append(f"field {f.id}: choices_zh and choices_en name every choice.")
    if (f.kind == "reference") != bool(f.register):
        faults.append(f"field {f.id}: a register belongs to the kind reference.")
    units: tuple[str, ...] = (f.unit,)
    if f.unit_field:
        units = known[f.unit_field].choices if f.unit_field in known else ()
        if not units or f.unit or f.kind != "decimal":
            faults.append(f"field {f.id}: unit_field names a choice of units, for a decimal without a unit of its own.")
    for text in units if f.kind == "decimal" else ():
        try:
            parse_unit(text)
        except QingshanError as error:
            faults.append(f"field {f.id}: {error.en}")
    return faults


_KEYS = {"from": "source", "to": "target"}


def _tuples(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}


def registers(domains: Domains | None = None) -> dict[str, Register]:
    """Every register that the installed domains declare, by id. Raises `DeclarationError`."""
    from .actors import ACTORS, roles  # noqa: PLC0415 - actors are a register too

    domains = domains or load_domains()
    known = [r.id for r in roles()]
    found = {ACTORS.id: ACTORS}
    for name in domains.by_name:
        for stem, raw in domains.folder(name, "registers"):
            made = Register.of(raw, known)
            if made.id in found:
                raise DeclarationError(
                    f"the register {made.id} is declared twice.", where=f"{name}/registers/{stem}.toml"
                )
            found[made.id] = made
    return {id: _beside(made, found) for id, made in found.items()}


def _beside(register: Register, every: Mapping[str, Register]) -> Register:
    """The register with what the rules of others say of the registers that its own rules name. Raises `DeclarationError`."""
    if not any(r.also for r in register.rules):
        return register
    made = []
    for rule in register.rules:
        beside = []
        for id in rule.also:
            theirs = every[id].land_rule if id in every else None
            if theirs is None:
                raise DeclarationError(
                    f"the rule {rule.kind} names {id!r}, which counts no land.", where=f"register {register.id}"
                )
            beside.append((id, theirs.fields, theirs.states or tuple(every[id].state_by_id)))
        made.append(replace(rule, beside=tuple(beside)))
    return replace(register, rules=tuple(made))


def find_register(id: str) -> Register:
    """Raises `UnknownName` with those there are."""
    known = registers()
    if id not in known:
        raise UnknownName(
            f"no register {id!r} (known: {', '.join(sorted(known))}).",
            f"没有登记簿 {id!r}（现有：{'、'.join(sorted(known))}）。",
        )
    return known[id]
