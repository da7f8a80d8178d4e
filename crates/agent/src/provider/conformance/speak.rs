//! What speaks.

use super::breach::{Breach, breach, check, ended, soon};
use crate::provider::error::Failure;
use crate::provider::tts::{Tts, TtsEvent, Utterance};

/// A voice that says this: its sound comes in order and at its rate, covers the text, and ends; an
/// empty text is no failure; dropping the stream closes what was open.
///
/// # Errors
/// What it did wrong.
pub async fn speaks(
    tts: &dyn Tts,
    text: &str,
    closed: impl Future<Output = ()>,
) -> Result<(), Breach> {
    let mut stream = tts.say(Utterance::new(text));
    let (mut samples, mut begin, mut ended) = (0, 0, false);
    while let Some(event) = soon("the next sound", stream.next()).await? {
        match event {
            Ok(TtsEvent::Sound(chunk)) => {
                if chunk.rate != tts.rate() {
                    return breach("sound at a rate that is not its own");
                }
                if text.get(chunk.span.clone()).is_none() {
                    return breach("a span that is no part of the text");
                }
                if chunk.span.start < begin {
                    return breach("spans that go backwards");
                }
                begin = chunk.span.start;
                samples += chunk.samples.len();
                ended = chunk.ends_span && chunk.span.end == text.len();
            }
            Ok(TtsEvent::Words(words)) => {
                if words
                    .iter()
                    .any(|word| text.get(word.span.clone()).is_none())
                {
                    return breach("a word that is no part of the text");
                }
            }
            Ok(TtsEvent::Used(_)) => {}
            Err(error) => return breach(format!("it failed: {error}")),
        }
    }
    if samples == 0 {
        return breach("no sound came");
    }
    if !ended {
        return breach("the last sound does not end the text");
    }
    let mut cut = tts.say(Utterance::new(text));
    soon("the first sound", cut.next()).await?;
    drop(cut);
    soon("the end of the connection", closed).await
}

/// A voice whose service fails: the failure is of this kind and the last that comes.
///
/// # Errors
/// What it did wrong.
pub async fn speaking_fails(tts: &dyn Tts, failure: &Failure) -> Result<(), Breach> {
    let mut stream = tts.say(Utterance::new("This will not be said."));
    loop {
        match soon("the failure", stream.next()).await? {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                check(&error, failure, tts.name())?;
                break;
            }
            None => return breach("it does not fail"),
        }
    }
    ended(stream.next()).await
}
