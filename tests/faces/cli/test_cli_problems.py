"""Bad calls and bad input through the command line: exit code, one sentence, one JSON document, nothing half-written."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import shlex
import signal
import socket
import sys
import tomllib
from pathlib import Path

import pytest
from said import Call

from qingshan.accounts import run as run_module
from qingshan.faces import cli
from qingshan.faces.cli import ABOUT, PROMISE, main, parser
from qingshan.faces.cli.parse import in_chinese
from qingshan.faces.cli.verbs import GROUPS, VERBS, Verb

HELP_ZH = tomllib.loads(Path(cli.__file__).with_name("help_zh.toml").read_text(encoding="utf-8"))["text"]
GLOSSARY = Path(__file__).parents[3] / "docs" / "glossary.md"
HAN = re.compile(r"[\u4e00-\u9fff]")
WRONG_CALLS = [
    ("explain", "gep.water_retention", "--place", "999999"),
    ("explain", "gep.water_retention", "--place", "亚特兰蒂斯"),
    ("explain", "gep.water_retention", "--period", "1850"),
    ("explain", "gep.water_retention", "--cls", "ocean"),
    ("explain", "gep.water_retention", "--basis", "constant-1900"),
    ("explain", "gep.water_retension"),
    ("explain", "gep.water_retention", "--profile", "nope"),
    ("run", "--profile", "nope"),
    ("publish", "gep", "--year", "1850"),
    ("publish", "gep", "--year", "2021", "--place", "999999"),
    ("fill", "nope", "--template"),
    ("fill", "hj1173_2021"),
]


@pytest.fixture
def ran(zone: Path, call: Call) -> Path:
    """The zone with its default profile computed."""
    assert call("run", "--zone", zone, "--profile", "screening").code == 0
    return zone


@pytest.mark.parametrize("arguments", WRONG_CALLS, ids=" ".join)
def test_a_wrong_call_is_one_sentence_and_exit_2(ran: Path, call: Call, arguments: tuple[str, ...]) -> None:
    said = call(*arguments, "--zone", ran, "--lang", "en")
    assert said.code == 2
    assert said.out == ""
    assert "Traceback" not in said.err and len(said.err.splitlines()) <= 2
    assert not HAN.search(re.sub(r"'[^']*'|\(near:.*?\)", "", said.err)), "English throughout, names apart"


@pytest.mark.parametrize("arguments", WRONG_CALLS, ids=" ".join)
def test_a_wrong_call_with_json_is_a_problem_object(ran: Path, call: Call, arguments: tuple[str, ...]) -> None:
    said = call(*arguments, "--zone", ran, "--json", "--lang", "zh")
    error = said.json["error"]
    assert (said.code, error["exit"]) == (2, 2)
    assert error["code"] and error["en"].endswith(".") and error["zh"].endswith("。")
    assert HAN.search(error["zh"]) and error["zh"] in said.err, "the sentence also on stderr, in the asked language"


def test_near_names_and_what_there_is_are_told(ran: Path, call: Call) -> None:
    assert "gep.water_retention" in call("explain", "gep.water_retension", "--zone", ran).err
    assert "it has: 2020, 2021" in call("explain", "G02", "--zone", ran, "--period", "1850").err
    assert "constant-2010" in call("explain", "G02", "--zone", ran, "--basis", "constant-1900").err
    assert "arbor, dry, grass" in call("explain", "G02", "--zone", ran, "--cls", "ocean").err


def test_a_service_is_found_by_id_by_code_and_by_quantity(ran: Path, call: Call) -> None:
    trees = [
        call("explain", word, "--zone", ran, "--json").json
        for word in ("G02", "water_retention", "gep.water_retention")
    ]
    assert trees[0] == trees[1] == trees[2]
    assert (trees[0]["quantity"], trees[0]["unit"]) == ("gep.water_retention", "m3")
    value = call("explain", "G02", "--zone", ran, "--basis", "constant-2010", "--json").json
    assert (value["quantity"], value["unit"]) == ("gep.water_retention_value", "元")


@pytest.mark.parametrize("arguments", [("nope",), ("explain",), ("run", "--nope"), ("check", "x", "--lang", "fr")])
def test_arguments_that_cannot_be_parsed(call: Call, arguments: tuple[str, ...]) -> None:
    said = call(*arguments)
    assert (said.code, said.out) == (2, "")
    assert "usage:" in said.err
    assert call(*arguments, "--json").json["error"]["code"] == "wrong_call"


@pytest.mark.parametrize("port", ["abc", "-5", "65536", "８０", "1e3"])
def test_a_port_that_is_none(call: Call, port: str) -> None:
    said = call("serve", f"--port={port}")
    assert said.code == 2 and "0 to 65535" in said.err


def test_an_address_that_is_not_of_this_machine(ran: Path, call: Call) -> None:
    said = call("serve", "--zone", ran, "--host", "192.0.2.1", "--lang", "zh")  # TEST-NET-1 of RFC 5737
    assert said.code == 1 and "监听" in said.err and "--host 127.0.0.1" in said.err


def test_no_port_left(ran: Path, call: Call) -> None:
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 65535))
        except OSError:
            pytest.skip("the last port is in use by another program")
        taken.listen()
        said = call("serve", "--zone", ran, "--port", "65535")
    assert said.code == 1 and "65535" in said.err and "--port 0" in said.err


@pytest.mark.parametrize("name", ["nozone", "../../../nowhere", "a\nb", "/dev/null"])
def test_a_zone_that_is_none(call: Call, home: Path, name: str) -> None:
    said = call("run", "--zone", name)
    assert said.code == 2
    assert said.err.startswith("no zone folder ") and "qingshan init" in said.err and "Traceback" not in said.err
    assert not home.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("zone.toml", b"[zone"),
        ("zone.toml", "[zone]\nname = '贵州'\n".encode("gb18030")),
        ("places.csv", b"number\n1\n"),
    ],
)
def test_a_zone_that_cannot_be_opened(zone: Path, call: Call, home: Path, name: str, content: bytes) -> None:
    (zone / name).write_bytes(content)
    for verb in (("run", "--zone"), ("check",), ("explain", "G02", "--zone"), ("publish", "gep", "--zone")):
        said = call(*verb, zone)
        assert said.code == 1
        assert name in said.out + said.err and "Traceback" not in said.err
    assert call("run", "--zone", zone, "--json").json["error"]["code"] == "zone"
    assert [f["level"] for f in call("check", zone, "--json").json] == ["error"]
    assert not home.exists()


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("-5", "negative_value"),
        ("1e308", "number_too_large"),
        ("1e18", "out_of_limits"),
        ('"1,000"', "not_a_number"),
        ("x" * 200_000, "cell_too_large"),
    ],
)
def test_an_impossible_figure_is_a_finding_and_never_a_result(zone: Path, call: Call, value: str, code: str) -> None:
    table = zone / "facts" / "land.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",1000,km2", f",{value},km2", 1), encoding="utf-8")
    checked = call("check", zone, "--json")
    assert (checked.code, [f["code"] for f in checked.json]) == (1, [code])
    ran = call("run", "--zone", zone, "--profile", "screening", "--json")
    assert ran.code == 1 and code in [f["code"] for f in ran.json["findings"]]
    zh = call("check", zone, "--lang", "zh").out
    assert zh.startswith("错误：facts/land.csv") and "处理：" in zh and "Fix" not in zh and "错误 1 条" in zh
    en = call("check", zone).out
    assert not HAN.search(en) and "1 error, 0 warnings" in en


# ---- what the system does not give ------------------------------------------------------------------------------------


def test_a_home_that_is_a_file(zone: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "file"))
    said = call("run", "--zone", zone)
    assert said.code == 1 and str(tmp_path / "file") in said.err and "Traceback" not in said.err
    assert call("run", "--zone", zone, "--json").json["error"]["code"] == "system"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written(zone: Path, call: Call, home: Path) -> None:
    home.mkdir(mode=0o500)
    said = call("run", "--zone", zone, "--lang", "zh")
    assert said.code == 1 and "没有权限" in said.err


@pytest.mark.parametrize(("number", "zh"), [(errno.ENOSPC, "磁盘已满"), (errno.EROFS, "文件系统只读")])
def test_a_full_or_read_only_disk(
    zone: Path, call: Call, home: Path, monkeypatch: pytest.MonkeyPatch, number: int, zh: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(home / "runs"))

    monkeypatch.setattr(run_module, "compute", full)
    said = call("run", "--zone", zone, "--profile", "screening", "--lang", "zh", "--json")
    assert said.code == 1 and said.json["error"]["where"] == str(home / "runs")
    assert zh in said.err and "处理：" in said.err
    assert list((home / "runs").iterdir()) == [], "nothing half-written"


def test_an_out_folder_that_cannot_be_made(ran: Path, call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    said = call("publish", "gep", "--zone", ran, "--out", tmp_path / "file", "--lang", "en")
    assert said.code == 1 and "Traceback" not in said.err and str(tmp_path / "file") in said.err
    assert (tmp_path / "file").read_text() == "x"


# ---- bugs, stops, refusals --------------------------------------------------------------------------------------------


def test_a_bug_says_so_also_in_json(zone: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "compute", lambda *_, **__: 1 / 0)
    said = call("run", "--zone", zone, "--profile", "screening", "--json", "--lang", "zh")
    assert (said.code, said.json["error"]["code"]) == (3, "bug")
    assert "ZeroDivisionError" in said.err and "程序错误" in said.err


def test_no_verb_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2 and "usage: qingshan" in capsys.readouterr().out


def test_a_stop_is_told(zone: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "compute", stop)
    said = call("run", "--zone", zone, "--profile", "screening", "--json")
    assert (said.code, said.json["error"]["code"]) == (1, "stopped")


def test_a_stop_that_compiled_code_drops_is_no_bug(zone: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt inside a callback of the compiler is dropped there; what it left undone fails later with an error of its own."""

    def stop(*_: object, **__: object) -> None:
        ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGINT))()
        raise RuntimeError("no compiled object yet")

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(run_module, "compute", stop)
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    said = call("run", "--zone", zone, "--profile", "screening", "--json")
    assert (said.code, said.json["error"]["code"]) == (1, "stopped") and signal.getsignal(signal.SIGINT) is before


def test_a_refused_release_lists_its_reasons_and_writes_nothing(ran: Path, call: Call, tmp_path: Path) -> None:
    said = call("publish", "gep", "--zone", ran, "--official", "--out", tmp_path / "out", "--json")
    error = said.json["error"]
    assert (said.code, error["code"]) == (1, "refused_release")
    assert any("screening" in reason for reason in error["reasons"])
    assert not (tmp_path / "out").exists()
    head, *lines, fix = said.err.splitlines()
    assert head.endswith(":") and fix.startswith("  fix: ")
    assert len(lines) == len(error["reasons"]) > 5 and not any(" / " in line for line in lines)


def test_a_run_changed_after_sealing_is_not_explained(ran: Path, call: Call, home: Path) -> None:
    (folder,) = (home / "runs").iterdir()
    facts = folder / "facts.jsonl"
    facts.write_bytes(facts.read_bytes().replace(b"1", b"2", 1))
    said = call("explain", "G02", "--zone", ran, "--lang", "zh")
    assert (said.code, said.out) == (1, "") and "facts.jsonl" in said.err and "qingshan verify" in said.err


# ---- words and the verb table -----------------------------------------------------------------------------------------


def test_run_and_verify_speak_the_asked_language(zone: Path, call: Call) -> None:
    for lang, words in (("zh", ("新算", "拒算", "秒")), ("en", ("computed", "refused", " s"))):
        said = call("run", "--zone", zone, "--profile", "screening", "--lang", lang)
        assert all(word in said.out for word in words)
    run = call("run", "--zone", zone, "--profile", "screening", "--json").json["runs"][0]["run"]
    assert "逐字节一致" in call("verify", run, "--lang", "zh").out


def test_a_template_as_json_lists_the_slots_of_the_csv(zone: Path, call: Call) -> None:
    rows = call("fill", "gbt46869_2025", "--template", "--zone", zone, "--json").json
    text = call("fill", "gbt46869_2025", "--template", "--zone", zone).out
    assert len(rows) == len(text.splitlines()) - 1 > 50
    assert {"parameter", "class", "document"} <= set(rows[0])


def test_init_twice_keeps_the_first(call: Call, tmp_path: Path) -> None:
    target = tmp_path / "new"
    written = call("init", target, "--id", "new", "--name-zh", "新县", "--json").json["written"]
    before = {path: Path(path).read_bytes() for path in written}
    said = call("init", target, "--id", "other", "--lang", "zh")
    assert said.code == 1 and "目录不是空的" in said.err
    assert {path: Path(path).read_bytes() for path in written} == before


def test_every_verb_that_prints_has_json_and_a_language() -> None:
    for verb in VERBS:
        flags = {option.flag for option in verb.options}
        assert "--lang" in flags
        assert ("--json" in flags) == (verb.name != "serve")


@pytest.mark.parametrize("verb", [v for v in VERBS if v.example], ids=lambda v: v.name)
def test_the_example_of_each_verb_parses(verb: Verb) -> None:
    program, *arguments = shlex.split(verb.example)
    assert program == "qingshan"
    parsed = parser().parse_args(arguments)
    assert " ".join(filter(None, (parsed.verb, getattr(parsed, "inner", "")))) == verb.name


def test_json_is_one_document_for_every_reading_verb(ran: Path, call: Call) -> None:
    for arguments in (("check", ran), ("explain", "G02", "--zone", ran), ("verify", "minizone/screening")):
        json.loads(call(*arguments, "--json").out)


@pytest.mark.parametrize("group", ["ledger", "exchange"])
def test_help_is_told_in_chinese(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every text of the two groups, and nothing in the table that no verb says."""
    assert main([group, "--help", "--lang", "zh"]) == 0
    assert HAN.search(capsys.readouterr().out)
    for verb in VERBS:
        if verb.name.startswith(f"{group} "):
            assert main([*verb.name.split(), "--help", "--lang", "zh"]) == 0
            shown = capsys.readouterr().out
            for text in (verb.help, *(o.help for o in verb.options)):
                assert HAN.search(HELP_ZH[text]) and "".join(HELP_ZH[text].split()) in "".join(shown.split()), text
            assert main([*verb.name.split(), "--help"]) == 0
            assert not HAN.search(capsys.readouterr().out.partition("example:")[0])


def test_chinese_help_has_every_text_and_none_that_nothing_says() -> None:
    said = {t for v in VERBS for t in (v.help, *(o.help for o in v.options))} | set(GROUPS.values())
    assert said <= set(HELP_ZH), "help without Chinese: add it to help_zh.toml"
    assert all(HAN.search(HELP_ZH[t]) for t in said)
    own = {
        "show this help message and exit",
        "show program's version number and exit",
        "positional arguments",
        "options",
    }
    assert set(HELP_ZH) - said == own | {"example: ", ABOUT, PROMISE}


@pytest.mark.parametrize("words", [(), ("ledger",), ("ledger", "verify"), ("exchange", "order")], ids=" ".join)
def test_argparse_speaks_the_language_asked_for(words: tuple[str, ...], call: Call) -> None:
    """No word of argparse's own is left in Chinese help; English help has none in Chinese."""
    zh, en = (call(*words, "--help", "--lang", lang).out for lang in ("zh", "en"))
    heads = (
        ("用法：", "usage: "),
        ("位置参数：", "positional arguments:"),
        ("选项：", "options:"),
        ("显示帮助并退出", "show this help message"),
    )
    for chinese, english in heads:
        assert chinese in zh and english not in zh and english in en and chinese not in en
    assert "VERB" not in zh and "显示版本号" in (zh if not words else "显示版本号")


@pytest.mark.parametrize(
    ("words", "zh", "en"),
    [
        (("ledger", "verify"), "缺少必需的参数：venue", "the following arguments are required: venue"),
        (
            ("ledger", "prove", "v"),
            "参数 命令：取值无效：'prove'（可选：",
            "argument VERB: invalid choice: 'prove' (choose from ",
        ),
        (
            ("exchange", "order", "v", "o", "--side", "both"),
            "参数 --side：取值无效：'both'（可选：",
            "argument --side: invalid choice: 'both'",
        ),
        (("ledger", "verify", "v", "--bogus", "x"), "无法识别的参数：--bogus x", "unrecognized arguments: --bogus x"),
        (("exchange", "due", "v", "--day"), "参数 --day：须有一个值", "argument --day: expected one argument"),
        (
            ("ledger", "verify", "v", "--json=3"),
            "参数 --json：不接受值 '3'",
            "argument --json: ignored explicit argument '3'",
        ),
        (
            ("exchange", "order", "v", "o", "--a", "x"),
            "选项 --a 有歧义，可能是 --a",
            "ambiguous option: --a could match --a",
        ),
        (("serve", "--port", "99999"), "参数 --port：'99999' 不是端口", "argument --port: '99999' is no port"),
    ],
    ids=lambda p: " ".join(p) if isinstance(p, tuple) else "",
)
def test_a_call_that_cannot_be_parsed_is_told_in_the_language_asked_for(
    words: tuple[str, ...], zh: str, en: str, call: Call
) -> None:
    for lang, told, not_told, head in (("zh", zh, en, "用法："), ("en", en, zh, "usage: ")):
        said = call(*words, "--lang", lang)
        assert said.code == 2 and said.out == "" and said.err.startswith(head)
        assert told in said.err and not_told not in said.err
    both = call(*words, "--json", "--lang", "zh").json["error"]
    assert zh in both["zh"] and en in both["en"] and not HAN.search(both["en"])


def test_a_message_that_is_not_known_keeps_its_words() -> None:
    assert in_chinese("argument --x: some new words") == "参数 --x：some new words"
    assert in_chinese("some new words") == "参数有误：some new words"


@pytest.mark.parametrize(
    ("said", "entry", "word"),
    [
        (r"(?<!/)\bprofiles?\b", "profile", "口径"),
        (r"\binventor(y|ies)\b", "forest inventory", "调查"),
        (r"\bclaims\b", "claim", "主张"),
        (r"\brestated\b", "secondary", "转引"),
        (r"\bprovisional\b", "provisional statistic", "临时统计"),
        (r"\bparcels?\b(?!,|\.)", "dossier", "地块"),
        (r"\baccount period\b|\bperiod id\b", "period", "时期"),
        (r"\bplace (code|whose)\b", "place", "地点"),
        (r"\b(of|on) the (zone )?grid\b|\bzone grid\b", "grid", "格网"),
        (r"\bproperty\b(?!\|)", "observed property", "监测项目"),
    ],
)
def test_chinese_help_uses_the_words_of_the_glossary(said: str, entry: str, word: str) -> None:
    """One word per thing: the word stands in the glossary's entry and in the help of every text that speaks of it."""
    rows = [line.split(" | ") for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    chinese = next(f"{row[0]} {row[2]}" for row in rows if row[1] == entry)
    assert word in chinese
    texts = [english for english in HELP_ZH if re.search(said, english)]
    assert texts and not [english for english in texts if word not in HELP_ZH[english]]
