use super::*;

fn leave(text: &str) -> Closing {
    closing(&clauses(text), &[])
}

#[test]
fn goodbyes_are_known_in_many_wordings() {
    for text in [
        "Goodbye.",
        "bye bye",
        "Okay, bye.",
        "Thanks, bye!",
        "That's all, thanks, bye.",
        "Nope, I'm good, have a nice day.",
        "No, that's it. Thank you so much. Have a great rest of your day.",
        "Alright then, see you later.",
        "Great, thank you for your help, take care.",
        "you too, bye",
        "I don't need anything else, goodbye.",
        "No more questions, thanks, bye-bye",
        "I have to go now, bye",
        "Good bye and thank you for everything",
        "Please hang up.",
        "That will be all, thank you, good night",
        "cheers mate, talk to you later",
    ] {
        assert_eq!(leave(text), Closing::Goodbye, "{text}");
    }
    for text in [
        "That's all.",
        "No, that's all, thank you.",
        "nothing else, thanks",
        "No, I'm all set.",
        "I'm good, thanks",
        "no thank you, that is everything",
        "I don't think so, thank you very much",
        "that's all I needed, thank you",
    ] {
        assert_eq!(leave(text), Closing::Enough, "{text}");
    }
    for text in [
        "Okay, I'll call back when I have the number. Bye.",
        "Bye, I will try again tomorrow",
        "okay I will look for it bye",
        "I've found it myself, thanks, goodbye",
    ] {
        let found = leave(text);
        assert!(
            matches!(found, Closing::Along | Closing::Perhaps),
            "{text} {found:?}"
        );
    }
}

#[test]
fn what_only_has_the_words_of_a_goodbye_is_none() {
    for text in [
        "Please don't hang up.",
        "don't hang up on me",
        "No, don't hang up, where is my parcel?",
        "I never said goodbye",
        "Not goodbye.",
        "I did not say goodbye.",
        "I'm not saying goodbye",
        "You hung up on me.",
        "Your colleague said goodbye and hung up",
        "Is that all you can do?",
        "No, that's wrong.",
        "Thank you for holding.",
        "that's all wrong",
        "thank you very much",
        "no",
        "okay, thanks",
        "That's all I can remember of the number",
        "nothing works here today",
    ] {
        assert_eq!(leave(text), Closing::No, "{text}");
    }
    for text in [
        "Before you say goodbye, where is my parcel?",
        "What happens if I hang up?",
        "Can you hang up?",
        "Is it goodbye?",
        "If you hang up I will call again",
        "Do I just hang up now?",
        "I will hang up if you don't help me",
    ] {
        let found = leave(text);
        assert!(
            matches!(found, Closing::No | Closing::Perhaps),
            "{text} {found:?}"
        );
    }
}

fn wished(text: &str) -> (String, String) {
    let wish = wish(&clauses(text));
    (wish.meant.join(" "), wish.denied.join(" "))
}

#[test]
fn what_is_refused_is_parted_from_what_is_wished_for() {
    for (text, meant, denied) in [
        ("Don't cancel it.", "", "cancel it"),
        ("Please don't transfer me", "please", "transfer me"),
        ("No, don't transfer me.", "no", "transfer me"),
        (
            "I don't want to speak to a person",
            "i",
            "to speak to a person",
        ),
        (
            "I don't want a person I want my parcel",
            "i i want my parcel",
            "a person",
        ),
        (
            "Don't hang up, where is my parcel?",
            "where is my parcel",
            "hang up",
        ),
        (
            "don't hang up just tell me where my parcel is",
            "just tell me where my parcel is",
            "hang up",
        ),
        ("I never said goodbye", "i", "goodbye"),
        ("not goodbye", "", "goodbye"),
        ("stop transferring me", "", "transferring me"),
        ("I did not ask for an operator", "i", "for an operator"),
        ("track it without a person", "track it", "a person"),
        ("you are not hanging up", "you", "hanging up"),
        ("I told you not to cancel it", "i told you", "cancel it"),
    ] {
        assert_eq!(
            wished(text),
            (meant.to_owned(), denied.to_owned()),
            "{text}"
        );
    }
    for text in [
        "My parcel has not arrived",
        "I don't know where my parcel is",
        "I didn't get my parcel",
        "I will not be home on that day",
        "why don't you transfer me",
        "Don't forget to cancel it",
        "I'm not sure where my parcel is",
        "I am not getting my parcel",
        "I don't have the number",
    ] {
        assert_eq!(wished(text).1, "", "{text}");
    }
}

#[test]
fn questions_conditions_and_reports_are_no_wishes() {
    for (text, expected) in [
        ("I want to speak to a person", Mood::Wish),
        ("cancel my order please", Mood::Wish),
        ("put me through to a human", Mood::Wish),
        ("I need to be transferred to somebody", Mood::Wish),
        ("can I speak to a person please", Mood::Request),
        ("could you cancel my order", Mood::Request),
        ("Do you have a human I can speak to?", Mood::Question),
        ("how do I speak to a person", Mood::Question),
        ("what happens when you cancel it", Mood::Supposed),
        ("if you transfer me again", Mood::Supposed),
        ("you transferred me three times", Mood::Told),
        ("your colleague said he would cancel it", Mood::Told),
        ("I was cut off", Mood::Told),
        ("do not cancel it", Mood::Negated),
        ("why don't you cancel it", Mood::Wish),
        ("cancel it if you don't mind", Mood::Wish),
    ] {
        let clauses = clauses(text);
        let found = clauses.iter().map(mood).max();
        assert_eq!(found, Some(expected), "{text}");
    }
}

#[test]
fn agreement_and_refusal_are_told_apart() {
    for text in [
        "Yes.",
        "yeah, that's right",
        "Sure, go ahead",
        "correct",
        "Okay.",
        "Uh huh.",
        "mm-hmm",
        "Yes please, that's right.",
        "that works for me",
        "yep, Tuesday is fine",
        "of course",
        "sounds good",
        "That is correct.",
        "right",
        "yes, yes",
        "please do",
        "absolutely",
        "no, yes",
        "no problem",
        "yeah that would be great thank you",
    ] {
        assert_eq!(yes_no(text), Some(true), "{text}");
    }
    for text in [
        "No.",
        "nope",
        "No, that's wrong",
        "that's not right",
        "no thank you",
        "of course not",
        "absolutely not",
        "Don't.",
        "please don't",
        "uh-uh",
        "yeah no",
        "not really",
        "no, not that one",
        "I would not",
        "that's incorrect",
        "No no no.",
    ] {
        assert_eq!(yes_no(text), Some(false), "{text}");
    }
    for text in [
        "where is my parcel",
        "I'm not sure",
        "I don't know",
        "maybe",
        "yes, but not on Friday",
        "is that right?",
        "what was that",
        "wait, yes",
        "No, that's right.",
        "I'm waiting right here at home now",
        "yes if you can",
        "I guess",
        "sorry?",
        "is that the right day",
    ] {
        assert_eq!(yes_no(text), None, "{text}");
    }
}

#[test]
fn what_leads_to_something_is_unfinished() {
    for text in [
        "My tracking number is",
        "My tracking number is...",
        "It's",
        "it's, uh",
        "The number is, um,",
        "my name is",
        "So my tracking number",
        "My tracking numbers,",
        "My name's",
        "my address",
        "on",
        "on the",
        "at",
        "I would like to change it to",
        "I want to",
        "I'd like",
        "where is my",
        "deliver it on Monday or",
        "yes, and",
        "Could you",
        "I am calling about",
        "Um",
        "for",
        "the",
    ] {
        assert!(unfinished(text), "{text}");
    }
    for text in [
        "My tracking number is 427118",
        "Where is my parcel?",
        "who am I talking to",
        "Who am I talking to?",
        "Yes, it is.",
        "hold on",
        "I don't know what it is",
        "I need somebody to talk to",
        "uh huh",
        "Uh huh.",
        "thank you",
        "on Monday",
        "bye",
        "next Friday",
        "what is it about",
        "tell me what my number is",
        "",
    ] {
        assert!(!unfinished(text), "{text}");
    }
}
