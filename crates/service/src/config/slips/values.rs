//! Values of another kind than is wanted.

use super::*;

#[test]
fn values_of_another_shape() {
    told(&[
        (
            "sip: 5060\n",
            "1:6",
            "keys with values are wanted here, not `5060`",
            "indented",
        ),
        (
            "sip: [a]\n",
            "1:6",
            "keys with values are wanted here, not a list",
            "indented",
        ),
        ("sip:\n  - udp: a\n", "2:3", "not a list", "indented"),
        (
            "sip:\n  codecs: PCMU\n",
            "2:11",
            "a list is wanted here, not `PCMU`",
            "write [PCMU]",
        ),
        (
            "sip:\n  codecs: {a: b}\n",
            "2:11",
            "a list is wanted",
            "- value",
        ),
        (
            "sip:\n  udp: {a: b}\n",
            "2:8",
            "one value is wanted here, not keys",
            "quotes",
        ),
        (
            "sip:\n  udp:\n    a: b\n",
            "3:5",
            "one value is wanted here, not keys",
            "quotes",
        ),
    ]);
}

#[test]
fn words_that_are_no_value_of_their_kind() {
    told(&[
        (
            "recording: {enabled: maybe}\n",
            "1:22",
            "`maybe` is neither yes nor no",
            "true or false",
        ),
        (
            "recording: {enabled: \"${FLAG}\"}\n",
            "1:22",
            "neither yes nor no",
            "true or false",
        ),
        (
            "recording: {enabled: ${FLAG}}\n",
            "1:22",
            "what ${FLAG} stands for",
            "true or false",
        ),
        (
            "sip: {calls: many}\n",
            "1:14",
            "`many` is no whole number",
            "digits",
        ),
        (
            "sip: {calls: -1}\n",
            "1:14",
            "`-1` is no whole number from 0",
            "digits",
        ),
        (
            "sip: {calls: 10s}\n",
            "1:14",
            "`10s` is no whole number",
            "without a unit",
        ),
        (
            "sip: {share: half}\n",
            "1:14",
            "`half` is no number",
            "digits",
        ),
        (
            "trunks:\n  - key:\n",
            "2",
            "a value is missing",
            "write one",
        ),
        (
            "- a\n",
            "1:1",
            "keys with values are wanted here, not a list",
            "",
        ),
        (
            "hello\n",
            "1:1",
            "keys with values are wanted here, not `hello`",
            "",
        ),
    ]);
}
