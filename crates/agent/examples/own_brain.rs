//! A brain of your own behind the telephone: it repeats what it hears, passes the call on when it is
//! asked to, and says goodbye.
//!
//! ```sh
//! cargo run -p trunkline-agent --example own_brain -- Is anybody there
//!
//! LIVEKIT_URL=ws://127.0.0.1:7880 LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret \
//!     TRUNKLINE_MODELS=models cargo run -p trunkline-agent --example own_brain
//! ```
//! With words it answers them here; without, it takes the jobs of the server, as the agent `parrot`.
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use time::OffsetDateTime;
use trunkline_agent::brain::{
    Act, Brain, Facts, Farewell, Idea, Line, Memory, Mind, Question, Spoken, Thought,
};
use trunkline_agent::config::AgentConfig;
use trunkline_agent::speech::{Speech, SpeechConfig};
use trunkline_agent::turn::{DigitPlan, Heard, Verdict};
use trunkline_agent::worker::AgentWorker;
use trunkline_base::id::RoomName;
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_client::api::LiveKitApiClient;
use trunkline_service::tasks::Tasks;
use trunkline_store::Store;

/// What all conversations share.
struct Parrot;

/// One conversation.
#[derive(Default)]
struct ParrotBrain {
    turns: u32,
}

impl Mind for Parrot {
    fn brain(&self, _call: &Facts) -> Box<dyn Brain> {
        Box::new(ParrotBrain::default())
    }

    fn phrases(&self) -> Vec<String> {
        vec!["Hello, I am a parrot.".to_owned()]
    }
}

impl Brain for ParrotBrain {
    fn greeting(&self) -> Option<Line> {
        Some(Line {
            text: "Hello, I am a parrot.".to_owned(),
            interruptible: true,
        })
    }

    /// May be asked about half a sentence, and for nothing: so it changes nothing here. What is to
    /// stay is handed over as a memory, and comes back when the answer is really spoken.
    fn think(&self, question: &Question, _now: OffsetDateTime) -> Thought {
        let turns = self.turns + 1;
        let (text, act) = match question {
            Question::Heard(Heard::Speech(text)) => {
                let text = text.expose();
                let lower = text.to_lowercase();
                if lower.contains("goodbye") {
                    let bye = format!("Goodbye, after {turns} turns.");
                    (bye, Some(Act::HangUp(Farewell::Done)))
                } else if lower.contains("person") {
                    // Somebody whom `transfer_to` of a file names; else the next question is `Undone`.
                    let to = "front desk".to_owned();
                    let act = Act::Transfer { to };
                    ("I am putting you through.".to_owned(), Some(act))
                } else {
                    (format!("You said: {text}"), None)
                }
            }
            Question::Heard(Heard::Digits(keys)) => {
                (format!("You pressed {}.", keys.expose()), None)
            }
            Question::Silence(_) => ("Are you still there?".to_owned(), None),
            Question::Undone(undone) => (format!("I could not do that: {}.", undone.why), None),
        };
        Thought::spawn(Verdict::Unknown, move |ideas, mut permission| async move {
            ideas.push(Idea::Memory(Memory::new(turns))).await;
            // Text may come in pieces, and is spoken sentence by sentence as it comes.
            ideas.push(Idea::Text(text)).await;
            // Whatever changes the world waits until the caller's turn is surely over.
            permission.wait().await;
            if let Some(act) = act {
                ideas.push(Idea::Act(act)).await;
            }
        })
    }

    fn remember(&mut self, memory: Memory) -> Memory {
        let before = Memory::new(self.turns);
        self.turns = memory.open().unwrap_or(self.turns);
        before
    }

    fn spoke(&mut self, _spoken: &Spoken) {}

    fn digits(&self) -> DigitPlan {
        DigitPlan::default()
    }

    fn apology(&self) -> &str {
        "Sorry, squawk?"
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        return serve().await;
    }
    let facts = Facts::new(RoomName::parse("example")?);
    let brain = Parrot.brain(&facts);
    let question = Question::Heard(Heard::Speech(words.join(" ").into()));
    let mut thought = brain.think(&question, OffsetDateTime::now_utc());
    thought.permit();
    while let Some(idea) = thought.next().await {
        match idea {
            Idea::Text(text) => println!("{text}"),
            Idea::Act(act) => println!("({act:?})"),
            _ => {}
        }
    }
    Ok(())
}

/// A worker with that brain: any LiveKit server, any voice.
async fn serve() -> Result<(), Box<dyn Error>> {
    let var = |name: &str| std::env::var(name).map_err(|_| format!("set {name}"));
    let keys: KeyRing = ApiKey::new(var("LIVEKIT_API_KEY")?, var("LIVEKIT_API_SECRET")?).into();
    let api = LiveKitApiClient::new(var("LIVEKIT_URL")?.as_str(), keys.clone())?;
    // `trunkline models install` puts them there.
    let models = var("TRUNKLINE_MODELS")?;
    let speech = Speech::load(Path::new(&models), &SpeechConfig::default())?;
    let store = Store::open(":memory:").await?;
    let tasks = Tasks::new();
    let config = AgentConfig::new("parrot", Arc::new(Parrot));
    let worker = AgentWorker::start(config, api, keys, speech, store, &tasks)?;
    println!("parrot is {}", worker.registered().await?);
    tokio::signal::ctrl_c().await?;
    worker.drain().await;
    Ok(())
}
