//! Days in a conversation: impossible, contradictory and corrected ones.

use super::Call;

fn asked_for_a_day() -> Call {
    let mut call = Call::new();
    call.says("change my delivery date");
    call.says("427193");
    call
}

#[test]
fn a_day_that_is_understood_is_read_back() {
    let mut wrong = Vec::new();
    for (text, day) in [
        ("Day after to-morrow.", "Friday, March 20"),
        ("Not Monday, but Tuesday.", "Tuesday, March 24"),
        ("Uh huh, next Friday.", "Friday, March 27"),
        ("Monday, no, Tuesday", "Tuesday, March 24"),
        ("The fifth of December.", "Saturday, December 5"),
        ("in two weeks", "Wednesday, April 1"),
        ("Tomorrow at three in the afternoon.", "Thursday, March 19"),
    ] {
        let answer = asked_for_a_day().says(text);
        if answer != format!("That would be {day}. Is that right?") {
            wrong.push(format!("{text}: {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn why_a_day_cannot_be_taken_is_said() {
    let mut wrong = Vec::new();
    for (text, why) in [
        ("The thirty first of February.", "there is no February 31"),
        ("Yesterday.", "Tuesday, March 17 is already over"),
        ("Monday the fifth of December", "December 5 is a Saturday"),
        (
            "Monday or Tuesday",
            "Monday, March 23, or Tuesday, March 24",
        ),
        ("5/6", "Wednesday, May 6, or Friday, June 5"),
        ("not Monday", "On which day shall we deliver it?"),
    ] {
        let mut call = asked_for_a_day();
        let answer = call.says(text);
        let yes = call.says("yes");
        let friday = call.says("on Friday");
        let read_back = friday.contains("Friday, March 20. Is that right?");
        if !answer.contains(why) || yes.contains("Done") || !read_back {
            wrong.push(format!("{text}: {answer} | {yes} | {friday}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut call = asked_for_a_day();
    call.says("Monday or Tuesday");
    assert!(
        call.says("the second one")
            .contains("Tuesday, March 24. Is that right?")
    );
}

#[test]
fn an_impossible_day_in_the_request_itself_is_asked_back() {
    let mut call = Call::new();
    call.says("where is my parcel");
    call.says("427193");
    let answer = call.says("change my delivery date to the thirty first of February");
    assert!(answer.contains("there is no February 31"), "{answer}");
    assert!(
        answer.ends_with("On which day shall we deliver it?"),
        "{answer}"
    );
}
