"""Filter patterns against the examples of CloudWatch's user guide, and what AWS refuses."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.telemetry.log_pattern import InvalidPattern, compile_pattern

ACCESS = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
TRAIL = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "ThisFlag": True,
        "OtherFlag": False,
        "latency": 512.5,
        "errorCode": 400,
        "codeText": "400",
        "detail-type": "x",
        "dotted.name": "y",
        "users": [1, 2, 3],
        "nested": {"deep": [{"id": 7}, {"id": 9}]},
    }
)


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        (" ", "anything", True),
        ("", "", True),
        ("ERROR", "[ERROR 400] BAD REQUEST", True),
        ("ERROR", "Exiting with ERRORCODE: -1", True),
        ("ERROR", "error", False),
        ("ERROR ARGUMENTS", "[ERROR] invalid ARGUMENTS", True),
        ("ERROR ARGUMENTS", "[ERROR] invalid", False),
        ("?ERROR ?WARN", "a WARN b", True),
        ("?ERROR ?WARN", "an INFO", False),
        ("ERROR -EXITING", "ERROR and EXITING", False),
        ("ERROR -EXITING", "ERROR only", True),
        ("-ERROR", "fine", True),
        ("-ERROR", "an ERROR", False),
        ('"ERROR" - "Exiting"', "ERROR Exiting", False),
        ('"INTERNAL SERVER ERROR"', "500 INTERNAL SERVER ERROR.", True),
        ('"INTERNAL SERVER ERROR"', "INTERNAL  SERVER ERROR", False),
        ('"[ERROR]" Exception', "[ERROR] Unhandled exception: QueryException", True),
        (r'"say \"hi\" \\ now"', r'they say "hi" \ now', True),
        ('-"not this"', "not  this", True),
        ("?ERROR -FOO", "neither", True),  # `?` beside another term is ignored
        ("?ERROR INFO", "INFO", True),
        ("größe", "die größe", True),
        ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", True),
        ("%^[hc]at%", "hat", True),
        ("%^[hc]at%", "the hat", False),
        ("%[hc]at$%", "a cat", True),
        ("%[hc]at$%", "cats", False),
        ("-%colou?r%", "color", False),
        (r"%\d{1,3}\.\d{1,3}%", "from 10.20", True),
        ("ERROR %4[0-9][0-9]%", "ERROR 404", True),
    ],
)
def test_terms(pattern: str, message: str, expected: bool) -> None:
    assert compile_pattern(pattern).matches(message) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('$.eventType = "UpdateTrail"', True),
        ("$.eventType = UpdateTrail", True),
        ("$.eventType = Update*", True),
        ('$.eventType = "*Trail"', True),
        ("$.eventType = *dateT*", True),
        ('$.eventType = "Upd*rail"', False),  # an asterisk in the middle is an asterisk
        ("$.eventType != Update*", False),
        ("$.sourceIPAddress != 123.123.*", True),
        ("$.sourceIPAddress = 111.111.*", True),
        ('$.arrayKey[0] = "value"', True),
        ('$.arrayKey[2] = "value"', False),
        ("$.objectList[1].id = 2", True),
        ("$.objectList[*].id = 2", True),
        ("$.objectList[*].id = 3", False),
        ("$.nested.deep[1].id > 8", True),
        ("$.nested.*[0].id = 7", True),
        ("$.SomeObject IS NULL", True),
        ("$.eventType IS NULL", False),
        ("$.missing IS NULL", False),
        ("$.SomeOtherObject NOT EXISTS", True),
        ("$.SomeObject NOT EXISTS", False),
        ("$.ThisFlag IS TRUE", True),
        ("$.ThisFlag IS FALSE", False),
        ("$.OtherFlag is false", True),
        ("$.errorCode IS TRUE", False),
        ("$.latency >= 512.5", True),
        ("$.latency > 5.2e2", False),
        ("$.latency < +1000", True),
        ("$.latency <= -1", False),
        ("$.latency = *", True),
        ("$.missing = *", False),
        ("$.errorCode = 400", True),
        ("$.errorCode = 4*", True),
        ("$.errorCode != 500", True),
        ("$.codeText = 400", True),
        ("$.missing != 1", False),
        ("$.users = 1", False),
        ("$.users != 1", False),  # leads to an array: neither
        ("$.SomeObject = null", False),
        ("$.detail-type = x", True),
        ("$.['dotted.name'] = y", True),
        ("$.eventType = %^Update%", True),
        ("$.errorCode = %^4..$%", True),
        ("$.eventType != %^Update%", False),
        ('($.errorCode = 1) || ($.users[0] = 1 && $.eventType = "U*")', True),
        ('$.errorCode = 400 || $.eventType = "no" && $.ThisFlag IS FALSE', True),
        ('($.errorCode = 400 || $.eventType = "no") && $.ThisFlag IS FALSE', False),
    ],
)
def test_json(condition: str, expected: bool) -> None:
    assert compile_pattern("{ " + condition + " }").matches(TRAIL) is expected
    assert compile_pattern("{" + condition + "}").matches(TRAIL) is expected


@pytest.mark.parametrize("message", ["", "text", "{broken", "12", '"a"', "[" * 5000, "null", "{}"])
def test_json_never_matches_other_messages(message: str) -> None:
    assert compile_pattern("{ $.a = * }").matches(message) is False


def test_a_json_document_may_be_an_array() -> None:
    assert compile_pattern("{ $[1].a = 5 }").matches('[0, {"a": 5}]') is True


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("[]", True),
        ("[...]", True),
        ("[ip, user, username, timestamp, request, status_code, bytes]", True),
        ("[ip, user, username, timestamp, request, status_code]", False),
        ("[ip, user, username, timestamp, request, status_code, bytes, more]", False),
        ("[..., status_code, bytes]", True),
        ("[ip, user, ..., status_code, bytes]", True),
        ("[ip, ...]", True),
        ("[a, b, c, d, e, ..., f, g, h]", False),
        ("[..., bytes > 1000]", True),
        ("[..., bytes > 1534]", False),
        ("[..., status_code = 404, bytes]", True),
        ("[..., status_code = 4*, bytes]", True),
        ("[..., status_code = 4* && status_code != 404, bytes]", False),
        ("[..., status_code = 200 || status_code = 404, bytes]", True),
        ("[..., (status_code = 200 || status_code = 404) && status_code != 5*, bytes]", True),
        ("[..., request = *.html*, status_code = 4*,]", True),
        ('[ip="127.*", ...]', True),
        ("[ip=%^127\\.0%, ...]", True),
        ("[ip!=%^127\\.0%, ...]", False),
        ("[user > 5, ...]", False),
    ],
)
def test_columns(columns: str, expected: bool) -> None:
    assert compile_pattern(columns).matches(ACCESS) is expected


def test_columns_extract_by_name_or_number() -> None:
    assert compile_pattern("[..., request=*.html*, status_code=4*,]").extract(ACCESS) == {
        "$1": "127.0.0.1",
        "$2": "-",
        "$3": "frank",
        "$4": "10/Oct/2000:13:25:15 -0700",
        "$request": "GET /index.html HTTP/1.0",
        "$status_code": "404",
        "$7": "1534",
    }
    assert compile_pattern("[a, b]").extract("x y z") == {}
    assert compile_pattern("ERROR").extract("ERROR") == {}
    assert compile_pattern("{ $.a = 1 }").extract('{"a": 1}') == {}


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{ $.a = 1", "If a filter pattern starts with '{' it must end with '}'"),
        ("[a, b", "If a filter pattern starts with '[' it must end with ']'"),
        ("{", "If a filter pattern starts with '{' it must end with '}'"),
        ("?Status: timeout", "Invalid character(s) in term ':'"),
        ("email@someemail.com", "Invalid character(s) in term '@'"),
        ("ORDER-", "Invalid character(s) in term '-'"),
        ("a`b", "Invalid character(s) in term '`'"),
        ('""', "Invalid character(s) in term '\"\"'"),
        ('"open', "Invalid character(s) in term '\"'"),
        ("Spawned (now", "Invalid character(s) in term '('"),
        ('{ $.a = "x", $.b = 1 }', "Invalid filter pattern"),
        ('{ $."sc-status" = 5* }', "Invalid filter pattern"),
        ("{ $.a = }", "Invalid filter pattern"),
        ("{ $.a }", "Invalid filter pattern"),
        ("{ }", "Invalid filter pattern"),
        ("{ $ = 1 }", "Invalid filter pattern"),
        ("{ a = 1 }", "Invalid filter pattern"),
        ("{ $.a > word }", "Invalid filter pattern"),
        ('{ $.a > "1" }', "Invalid filter pattern"),
        ("{ $.a = 1 && }", "Invalid filter pattern"),
        ("{ ($.a = 1 }", "Invalid filter pattern"),
        ("{ $.a = 1) }", "Invalid filter pattern"),
        ("{ $.a IS WHAT }", "Invalid filter pattern"),
        ("{ $.a NOT TRUE }", "Invalid filter pattern"),
        ("{ $.a = %a% || $.b = %b% || $.c = %c% }", "Invalid filter pattern"),
        ("{ " + "(" * 300 + "$.a = 1" + ")" * 300 + " }", "Invalid filter pattern"),
        ("[..., a, ...]", "Invalid filter pattern"),
        ("[a = 1 && b = 2]", "Invalid filter pattern"),
        ("[a =]", "Invalid filter pattern"),
        ('["a"]', "Invalid filter pattern"),
        ("%%", "Invalid filter pattern"),
        ("%a(b)%", "Invalid character(s) in term '('"),
        ("%something!%", "Invalid character(s) in term '!'"),
        ("%[a%", "Invalid filter pattern"),
        ("%*a%", "Invalid filter pattern"),
        ("%a**%", "Invalid filter pattern"),
        ("%a{2,1}%", "Invalid filter pattern"),
        ("%a{5000}%", "Invalid filter pattern"),
        ("%[a-z]{1000}[a-z]{1000}%", "Invalid filter pattern"),
        ("%a^b%", "Invalid filter pattern"),
        ("%a$b%", "Invalid filter pattern"),
        ("%\\%", "Invalid filter pattern"),
        ("%\\xg1%", "Invalid filter pattern"),
        ("%ü%", "Invalid character(s) in term 'ü'"),
    ],
)
def test_what_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(InvalidPattern) as caught:
        compile_pattern(pattern)
    assert str(caught.value) == message


SYNTAX = st.text(alphabet=st.sampled_from(list("{}[]()$.%\"\\'*?-+<>=!&|,^ ab1é\n")), max_size=60)


@settings(max_examples=400)
@given(SYNTAX, st.text(max_size=60))
def test_any_text_is_a_pattern_or_refused(pattern: str, message: str) -> None:
    for text in (pattern, "{" + pattern + "}", "[" + pattern + "]", "%" + pattern + "%"):
        try:
            compiled = compile_pattern(text)
        except InvalidPattern:
            continue
        assert compiled.matches(message) in (True, False)
        compiled.extract(message)


WORDS = st.text(alphabet="abAB_1", min_size=1, max_size=3)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.sampled_from(["", "-", "?"]), WORDS), max_size=5),
    st.text(alphabet="abAB_1 ", max_size=30),
)
def test_terms_are_plain_containment(terms: list[tuple[str, str]], message: str) -> None:
    pattern = " ".join(sign + word for sign, word in terms)
    required = [word for sign, word in terms if sign == ""]
    excluded = [word for sign, word in terms if sign == "-"]
    optional = [word for sign, word in terms if sign == "?"]
    if required or excluded:
        expected = all(w in message for w in required) and not any(w in message for w in excluded)
    else:
        expected = not optional or any(w in message for w in optional)
    assert compile_pattern(pattern).matches(message) is expected


@settings(max_examples=300)
@given(
    st.sampled_from(["=", "!=", "<", ">", "<=", ">="]),
    st.integers(-50, 50) | st.floats(-50, 50, allow_nan=False).map(lambda x: round(x, 3)),
    st.integers(-50, 50) | st.floats(-50, 50, allow_nan=False).map(lambda x: round(x, 3)),
)
def test_numbers_compare_as_numbers(sign: str, value: float, literal: float) -> None:
    expected = {
        "=": value == literal, "!=": value != literal, "<": value < literal,
        ">": value > literal, "<=": value <= literal, ">=": value >= literal,
    }[sign]  # fmt: skip
    assert compile_pattern(f"{{ $.n {sign} {literal} }}").matches(f'{{"n": {value}}}') is expected
    assert compile_pattern(f"[n {sign} {literal}]").matches(str(value)) is expected


FIELD = st.text(alphabet="ab1.-", min_size=1, max_size=5)


@given(st.lists(st.tuples(FIELD, st.sampled_from(["{}", "[{} x]", '"{} y"'])), max_size=8))
def test_fields_are_cut_at_blanks_outside_of_brackets_and_quotes(
    fields: list[tuple[str, str]],
) -> None:
    written = [form.format(field) for field, form in fields]
    expected = [
        text if form == "{}" else text[1:-1]
        for text, (_, form) in zip(written, fields, strict=True)
    ]
    extracted = compile_pattern("[]").extract(" ".join(written))
    assert extracted == {f"${number}": text for number, text in enumerate(expected, start=1)}
