//! What hears.

use std::sync::Arc;

use super::breach::{Breach, breach, check, ended, soon};
use crate::provider::error::Failure;
use crate::provider::stt::{Full, ListenOptions, Stt, SttEvent, SttStream, Transcript};

fn sound(result: Result<(), Full>) -> Result<(), Breach> {
    result.or_else(|_| breach("it takes no sound"))
}

/// Everything up to the answer of one flush; interim words and finals apart.
async fn until_flushed(stream: &mut SttStream) -> Result<(Vec<Transcript>, Transcript), Breach> {
    let (mut interim, mut whole) = (Vec::new(), Transcript::default());
    whole.sure = 1.0;
    loop {
        match soon("the answer to a flush", stream.next()).await? {
            Some(Ok(SttEvent::Interim(words))) => interim.push(words),
            Some(Ok(SttEvent::Final(words))) => {
                if words.text.expose().trim().is_empty() {
                    return breach("a final without words");
                }
                if !(0.0..=1.0).contains(&words.sure) {
                    return breach("a certainty that is none");
                }
                if words.words.iter().any(|word| word.at.start > word.at.end) {
                    return breach("a word that ends before it begins");
                }
                let last = whole.words.last().map(|word| word.at.start);
                let first = words.words.first().map(|word| word.at.start);
                if last.zip(first).is_some_and(|(last, first)| first < last) {
                    return breach("finals that go backwards");
                }
                whole.append(words);
            }
            Some(Ok(SttEvent::Flushed)) => return Ok((interim, whole)),
            Some(Ok(SttEvent::Used(_))) => {}
            Some(Err(error)) => return breach(format!("it failed: {error}")),
            None => return breach("the stream ended"),
        }
    }
}

/// A listener of `speech`, which holds these words: they come once and for all, every flush is
/// answered by itself and in order, silence is no words, and dropping the stream closes what was
/// open.
///
/// # Errors
/// What it did wrong.
pub async fn listens(
    stt: &dyn Stt,
    speech: &[i16],
    words: &str,
    closed: impl Future<Output = ()>,
) -> Result<(), Breach> {
    if stt.name().is_empty() {
        return breach("it has no name");
    }
    let mut stream = stt.listen(ListenOptions::default());
    for piece in speech.chunks(320) {
        sound(stream.hear(piece.into()))?;
    }
    sound(stream.flush())?;
    let (_, heard) = until_flushed(&mut stream).await?;
    let plain = |text: &str| {
        let letters = text.chars().filter(|c| c.is_alphanumeric() || *c == ' ');
        letters.collect::<String>().to_lowercase()
    };
    let text = heard.text.expose();
    if plain(text) != plain(words) {
        return breach(format!("it heard {} words that were not said", text.len()));
    }
    // Two in a row, without a sound between them.
    sound(stream.flush())?;
    sound(stream.flush())?;
    for _ in 0..2 {
        let (_, nothing) = until_flushed(&mut stream).await?;
        if !nothing.text.expose().is_empty() {
            return breach("words came again, or out of nothing");
        }
    }
    // Silence.
    sound(stream.hear(Arc::from(vec![0; 8000])))?;
    sound(stream.flush())?;
    until_flushed(&mut stream).await?;
    drop(stream);
    soon("the end of the connection", closed).await
}

/// A listener whose service fails: the failure is of this kind, bears its name, and is the last
/// that comes.
///
/// # Errors
/// What it did wrong.
pub async fn listening_fails(stt: &dyn Stt, failure: &Failure) -> Result<(), Breach> {
    let mut stream = stt.listen(ListenOptions::default());
    // It may have failed before it hears anything.
    let _full = stream.hear(Arc::from(vec![1000; 16_000]));
    let _full = stream.flush();
    loop {
        match soon("the failure", stream.next()).await? {
            Some(Ok(SttEvent::Flushed)) => return breach("it does not fail"),
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                check(&error, failure, stt.name())?;
                break;
            }
            None => return breach("it ended without a word why"),
        }
    }
    ended(stream.next()).await
}
