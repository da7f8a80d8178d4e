//! What is done to the call, by a mind of one's own.

use std::sync::Mutex;

use time::OffsetDateTime;

use super::*;
use crate::brain::Line as Said;
use crate::brain::{Act, Brain, Farewell, Idea, Memory, Mind, Progress, Question, Spoken, Thought};
use crate::tools::Powers;
use crate::turn::{DigitPlan, Verdict};

/// A mind that says and does one thing to whatever it hears, and another when that failed.
struct Own {
    acts: Vec<Act>,
    undone: Arc<Mutex<Vec<String>>>,
}

struct OwnBrain {
    acts: Vec<Act>,
    undone: Arc<Mutex<Vec<String>>>,
}

impl Mind for Own {
    fn brain(&self, call: &Facts) -> Box<dyn Brain> {
        assert_eq!(call.named("id").as_deref(), Some("SCL_1"));
        Box::new(OwnBrain {
            acts: self.acts.clone(),
            undone: Arc::clone(&self.undone),
        })
    }
}

impl Brain for OwnBrain {
    fn greeting(&self) -> Option<Said> {
        None
    }

    fn think(&self, question: &Question, _now: OffsetDateTime) -> Thought {
        let (text, acts) = match question {
            Question::Undone(undone) => {
                self.undone.lock().unwrap().push(undone.why.clone());
                ("That did not work.", Vec::new())
            }
            Question::Silence(_) => ("Are you there?", Vec::new()),
            Question::Heard(_) => ("One moment please.", self.acts.clone()),
        };
        Thought::spawn(Verdict::Complete, move |ideas, _permission| async move {
            ideas.push(Idea::Text(text.to_owned())).await;
            for act in acts {
                ideas.push(Idea::Act(act)).await;
            }
        })
    }

    fn remember(&mut self, memory: Memory) -> Memory {
        memory
    }

    fn spoke(&mut self, spoken: &Spoken) {
        assert!(spoken.progress != Progress::Whole || !spoken.text.is_empty());
    }

    fn digits(&self) -> DigitPlan {
        DigitPlan::default()
    }

    fn apology(&self) -> &str {
        "Sorry."
    }
}

async fn led(acts: Vec<Act>, to: &str) -> (Call, Arc<Mutex<Vec<String>>>) {
    let undone = Arc::new(Mutex::new(Vec::new()));
    let mind = Own {
        acts,
        undone: Arc::clone(&undone),
    };
    let mut config = AgentConfig::new("own", Arc::new(mind));
    let target = Target {
        to: to.to_owned(),
        description: None,
        ringing: None,
    };
    config.tools.powers = Arc::new(Powers {
        targets: [("sales".to_owned(), target)].into(),
        ..Powers::default()
    });
    let speech = scripted_speech(&["Sales please."], 0.95);
    let call = Call::with(speech, config, Some("SCL_1")).await;
    call.is_silent(1000).await;
    call.speaks(1000).await;
    (call, undone)
}

fn to(name: &str) -> Act {
    Act::Transfer {
        to: name.to_owned(),
    }
}

#[tokio::test]
async fn a_call_is_passed_on_after_the_words_and_whoever_waits_is_not_asked_anything() {
    let (call, undone) = led(vec![to("sales")], "tel:+15550100").await;
    call.is_silent(18_000).await;
    let done = call.heard.done.lock().unwrap().clone();
    assert_eq!(done, ["sales at tel:+15550100"]);
    let (_, turns, _) = call.leaves().await;
    assert_eq!(said(&turns), ["One moment please."]);
    assert!(undone.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_call_is_passed_on_to_nobody_whom_the_file_does_not_name() {
    let (call, undone) = led(vec![to("tel:+19005550100")], "tel:+15550100").await;
    call.is_silent(6000).await;
    let (_, turns, heard) = call.leaves().await;
    let why = "there is nobody called `tel:+19005550100` to transfer to";
    assert_eq!(*undone.lock().unwrap(), [why]);
    assert!(said(&turns).contains(&"That did not work."), "{turns:?}");
    assert!(heard.done.lock().unwrap().is_empty(), "nobody was called");
}

#[tokio::test]
async fn a_busy_line_is_told_in_words_and_the_call_goes_on() {
    // The wish to hang up as well would have ended what rings.
    let acts = vec![to("sales"), Act::HangUp(Farewell::Done)];
    let (call, undone) = led(acts, "sip:busy").await;
    call.is_silent(24_000).await;
    let (reason, turns, _) = call.leaves().await;
    assert_eq!(reason, CloseReason::ParticipantDisconnected);
    assert_eq!(*undone.lock().unwrap(), ["the line is busy"]);
    assert!(said(&turns).contains(&"That did not work."), "{turns:?}");
}

#[tokio::test]
async fn keys_are_pressed_and_attributes_set_when_the_words_were_said() {
    let set = Act::SetAttribute {
        key: "order".to_owned(),
        value: "42".to_owned(),
    };
    let (call, _) = led(vec![Act::SendKeys("1w2#".to_owned()), set], "tel:+1").await;
    call.is_silent(5000).await;
    let (_, _, heard) = call.leaves().await;
    assert_eq!(*heard.done.lock().unwrap(), ["keys 1w2#"]);
    let notes = heard.notes.lock().unwrap();
    let set = notes.iter().any(
        |note| matches!(note, Note::Attribute { key, value } if key == "order" && value == "42"),
    );
    assert!(set);
}
