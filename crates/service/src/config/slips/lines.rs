//! Lines that are no YAML, or do not fit together.

use super::*;

#[test]
fn keys_that_are_there_twice_or_not_at_all() {
    told(&[
        (
            "sip:\n  udp: a\nsip:\n  udp: b\n",
            "3:1",
            "`sip` is here twice, first in line 1",
            "keep one",
        ),
        (
            "sip:\n  udp: a\n  udp: b\n",
            "3:3",
            "`udp` is here twice, first in line 2",
            "keep one",
        ),
        (
            "sip: {udp: a, udp: b}\n",
            "1:15",
            "`udp` is here twice",
            "keep one",
        ),
        (
            "SIP:\n  udp: a\n",
            "1:1",
            "there is no key `SIP`",
            "did you mean `sip`?",
        ),
        (
            "sip:\n  publicIp: a\n",
            "2:3",
            "no key `publicIp`",
            "did you mean `public_ip`?",
        ),
        (
            "sip:\n  public-ip: a\n",
            "2:3",
            "no key `public-ip`",
            "did you mean `public_ip`?",
        ),
        ("sip:\n  port: 1\n", "2:3", "no key `port`", "allowed: udp"),
        (
            "sip:\n  upd:\n",
            "2:3",
            "no key `upd`",
            "did you mean `udp`?",
        ),
        (
            "trunks:\n  - name: a\n",
            "2:5",
            "the key `key` is missing",
            "`key: …`",
        ),
    ]);
}

#[test]
fn lines_that_do_not_fit_together() {
    told(&[
        ("sip:\n\tudp: a\n", "2:1", "a tab stands", "spaces"),
        (
            "sip:\n  udp: a\n\tcalls: 1\n",
            "3:1",
            "a tab stands",
            "spaces",
        ),
        (
            "sip:\n  udp: a\n    calls: 1\n",
            "3:5",
            "has a value already",
            "indent",
        ),
        (
            "sip:\n    udp: a\n  calls: 1\n",
            "3:3",
            "fits to no line above",
            "indent",
        ),
        (
            "sip:\n  udp: Hours: nine\n",
            "2:13",
            "second colon",
            "in quotes: udp: \"Hours: nine\"",
        ),
        ("sip:\n  udp:a\n", "2:3", "", ""),
        ("sip:\n  udp: a\njunk\n", "3:1", "no `key: value`", "colon"),
        (
            "sip: [a\n",
            "1:6",
            "`[` is not closed",
            "close each bracket",
        ),
        ("sip: {udp: a\nrecording: {}\n", "2", "", "bracket"),
        (
            "sip: {udp: a]\n",
            "1:6",
            "this `{` is closed by `]`",
            "bracket",
        ),
        (
            "sip:\n  codecs: [a b]]\n",
            "2:16",
            "closes nothing",
            "bracket",
        ),
        ("trunks:\n  - key: a\n  key: b\n", "3:3", "", ""),
        ("a: - b\n", "1:4", "no list may begin here", "- value"),
    ]);
}

#[test]
fn quotes_and_signs() {
    told(&[
        (
            "sip:\n  udp: \"a\n  calls: 1\nrecording: {}\n",
            "2:8",
            "this quote is not closed",
            "close it",
        ),
        (
            "sip:\n  udp: 'it's'\n",
            "2:12",
            "follows the closing quote",
            "'' in single",
        ),
        (
            "sip:\n  udp: \"a\" b\n",
            "2:12",
            "follows the closing quote",
            "\\\"",
        ),
        (
            "sip:\n  udp: \"a\\d\"\n",
            "2",
            "backslash",
            "double the backslash",
        ),
        (
            "sip:\n  udp: @home\n",
            "2:8",
            "does not begin with `@`",
            "quotes",
        ),
        (
            "sip:\n  udp: `a`\n",
            "2:8",
            "does not begin with `",
            "quotes",
        ),
        (
            "sip:\n  udp: *home\n",
            "2:8",
            "no `&name` before it",
            "quotes",
        ),
        ("sip:\n  udp: *\n", "2", "a name is missing", "quotes"),
        (
            "sip:\n  udp: [::1]:5060\n",
            "2:13",
            "follows the end of the value",
            "quotes",
        ),
        ("sip:\n  udp: %a\n", "2:8", "", "quotes"),
        ("a: b\0c\n", "1:5", "U+0000", "UTF-8"),
    ]);
}
