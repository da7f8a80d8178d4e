use proptest::prelude::*;

use super::{Denied, DialPolicy, Dialling};

fn guarded() -> DialPolicy {
    DialPolicy {
        deny: vec!["+1900".to_owned(), "+881".to_owned()],
        ..DialPolicy::default()
    }
}

fn is_denied(number: &str) -> bool {
    matches!(guarded().judge_one(number), Err(Denied::Prefix(_)))
}

#[test]
fn what_is_denied_is_found_behind_every_code() {
    for number in [
        "*67+8815550123",
        "#31#+8815550123",
        "*6719005550123",
        "#31#19005550123",
        "011+19005550123",
        "00119005550123",
        "0018815550123",
        "118815550123",
        "08815550123",
        "8815550123",
        "tel:+8815550123",
        "TEL:+8815550123",
        "sip:+8815550123",
        "9011881555",
        "0+881555",
        "+1*9005550123",
        "*67*8815550123",
        "*21*+8815550123#",
        "**21*0118815550123#",
        "*#31#8815550123",
        "#31##8815550123",
        "900881612345678",
        "1167+8815550123",
        "116719005550123",
        "*679005550123",
        "%2A67%2B8815550123",
        "t%65l:+8815550123",
        "+1#900#5550123",
        "\u{ff0b}8815550123",
    ] {
        assert!(is_denied(number), "{number}");
    }
}

#[test]
fn a_number_that_hides_its_digits_is_no_number() {
    for number in [
        "p8815550123",
        "+\u{ff18}\u{ff18}\u{ff11}5550123",
        "\u{668}\u{668}\u{661}5550123",
        "+1900FLOWERS",
        "1-900-FLOWERS",
        "+1x9005550123",
        "call8815550123now",
    ] {
        assert!(guarded().judge_one(number).is_err(), "{number}");
    }
    for name in [
        "alice",
        "agent7",
        "room101",
        "desk-12",
        "3cx",
        "conf2024",
        "\u{442}\u{43e}",
    ] {
        assert_eq!(guarded().judge_one(name), Ok(Dialling::Usual), "{name}");
    }
    let free = DialPolicy {
        deny: Vec::new(),
        ..DialPolicy::default()
    };
    assert_eq!(free.judge_one("p8815550123"), Ok(Dialling::Usual));
}

#[test]
fn what_a_list_allows_hides_no_digits_either() {
    let west = DialPolicy {
        allow: vec!["+1".to_owned(), "queue".to_owned()],
        ..DialPolicy::default()
    };
    for number in ["+1800FLOWERS", "+1\u{665}555550123"] {
        assert!(west.judge_one(number).is_err(), "{number}");
    }
    assert!(west.judge_one("queue5550123").is_ok());
}

#[test]
fn numbers_that_only_look_like_it_are_dialled() {
    for number in [
        "+18815550100",
        "0018705550123",
        "+918812345678",
        "919005550123",
        "08701234567",
        "01632960123",
        "*67",
        "*672075550123",
        "*98",
        "9001234567",
        "918815",
    ] {
        let usual = DialPolicy::default();
        assert_eq!(usual.judge_one(number), Ok(Dialling::Usual), "{number}");
    }
}

proptest! {
    #[test]
    fn no_code_before_a_denied_number_lets_it_pass(
        code in prop::sample::select(vec![
            "", "+", "00", "011", "+011", "0011", "810", "0", "001", "tel:+", "sip:+",
            "*67", "*67+", "#31#", "#31#+", "*#31#", "*31#+", "9011", "900", "11", "*1167+", "0+",
        ]),
        number in prop_oneof!["1900[2-9][0-9]{6}", "881[2-9][0-9]{6,8}"],
        ornaments in proptest::collection::vec(prop::sample::select(
            vec!["", "", "-", " ", ".", "(", ")", "/", "_", "\u{a0}", "\u{200b}"]), 15),
        escapes in proptest::collection::vec(any::<bool>(), 15),
    ) {
        let mut written = code.to_owned();
        for ((digit, ornament), escape) in number.chars().zip(&ornaments).zip(&escapes) {
            if *escape {
                written.push_str(&format!("%{:02X}", u32::from(digit)));
            } else {
                written.push(digit);
            }
            written.push_str(ornament);
        }
        prop_assert!(is_denied(&written), "{}", written);
    }

    #[test]
    fn a_number_with_its_country_means_one_thing(
        country in prop::sample::select(vec!["1205", "44", "49", "7495", "91", "81", "880", "878"]),
        rest in "[2-9][0-9]{6,7}",
    ) {
        let number = format!("+{country}{rest}");
        prop_assert_eq!(guarded().judge_one(&number), Ok(Dialling::Usual));
    }

    #[test]
    fn any_text_is_judged(text in ".{0,80}", signs in "[-0-9*#+%a-z ]{0,200}") {
        let _ = (guarded().judge_one(&text), guarded().judge_one(&signs));
    }
}
