//! Text streams going out: a header, chunks, a trailer on the reliable channel (data streams v1,
//! which every LiveKit client understands).

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use trunkline_base::id::{ParticipantIdentity, TrackSid};

use super::command::{Command, OutgoingText, TextBody, ask};
use super::error::RequestError;

/// Topic of live transcripts.
pub const TRANSCRIPTION_TOPIC: &str = "lk.transcription";
/// Attribute: `true` once the segment's text will not change any more.
pub const ATTRIBUTE_FINAL: &str = "lk.transcription_final";
/// Attribute: which track was spoken on.
pub const ATTRIBUTE_TRACK: &str = "lk.transcribed_track_id";
/// Attribute: which segment a text belongs to.
pub const ATTRIBUTE_SEGMENT: &str = "lk.segment_id";

/// Most bytes of text in one packet. Clients accept 15 kB of content beside the header's own room.
pub(super) const CHUNK_BYTES: usize = 15_000;

/// How to send a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    pub topic: String,
    /// Header attributes.
    pub attributes: BTreeMap<String, String>,
    /// Who gets it; everybody when empty.
    pub destinations: Vec<ParticipantIdentity>,
    /// The stream's id; a fresh one when absent.
    pub stream_id: Option<String>,
    /// In whose name it is sent; agents may speak for the one they transcribe.
    pub sender: Option<ParticipantIdentity>,
}

/// One piece of a transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcription {
    /// Which segment; pieces of the same segment replace each other.
    pub segment_id: String,
    /// Whether it will not change any more.
    pub is_final: bool,
    /// On which track it was spoken.
    pub track: Option<TrackSid>,
    /// Who spoke, when not ourselves.
    pub speaker: Option<ParticipantIdentity>,
}

impl Transcription {
    pub(super) fn into_options(self) -> TextOptions {
        let mut attributes = BTreeMap::from([
            (ATTRIBUTE_FINAL.to_owned(), self.is_final.to_string()),
            (ATTRIBUTE_SEGMENT.to_owned(), self.segment_id),
        ]);
        if let Some(track) = self.track {
            attributes.insert(ATTRIBUTE_TRACK.to_owned(), track.into());
        }
        TextOptions {
            topic: TRANSCRIPTION_TOPIC.to_owned(),
            attributes,
            sender: self.speaker,
            ..TextOptions::default()
        }
    }
}

/// A text stream being written. Dropping it without [`TextWriter::close`] leaves receivers waiting
/// until they give the stream up.
#[derive(Debug)]
pub struct TextWriter {
    commands: mpsc::Sender<Command>,
    stream_id: String,
    destinations: Vec<ParticipantIdentity>,
    sender: Option<ParticipantIdentity>,
    next_chunk: u64,
}

impl TextWriter {
    pub(super) async fn open(
        commands: mpsc::Sender<Command>,
        options: TextOptions,
        total: Option<u64>,
    ) -> Result<Self, RequestError> {
        let stream_id = options
            .stream_id
            .unwrap_or_else(|| trunkline_base::id::guid("TXT_", &mut rand::rng()));
        let writer = Self {
            commands,
            stream_id,
            destinations: options.destinations,
            sender: options.sender,
            next_chunk: 0,
        };
        let TextOptions {
            topic, attributes, ..
        } = TextOptions {
            topic: options.topic,
            attributes: options.attributes,
            ..Default::default()
        };
        writer
            .send(TextBody::Header {
                topic,
                attributes,
                total,
            })
            .await?;
        Ok(writer)
    }

    /// The stream's id.
    pub fn id(&self) -> &str {
        &self.stream_id
    }

    /// Appends text.
    ///
    /// # Errors
    /// [`RequestError`] when the room is over or the channel does not take it.
    pub async fn write(&mut self, text: &str) -> Result<(), RequestError> {
        for content in chunks(text) {
            let body = TextBody::Chunk {
                index: self.next_chunk,
                content: content.into(),
            };
            self.send(body).await?;
            self.next_chunk += 1;
        }
        Ok(())
    }

    /// Ends the stream; the attributes are added to the header's.
    ///
    /// # Errors
    /// [`RequestError`] when the room is over or the channel does not take it.
    pub async fn close(self, attributes: BTreeMap<String, String>) -> Result<(), RequestError> {
        self.send(TextBody::Trailer { attributes }).await
    }

    async fn send(&self, body: TextBody) -> Result<(), RequestError> {
        let piece = OutgoingText {
            stream_id: self.stream_id.clone(),
            destinations: self.destinations.clone(),
            sender: self.sender.clone(),
            body,
        };
        ask(&self.commands, |answer| Command::Text { piece, answer }).await
    }
}

/// Pieces of at most [`CHUNK_BYTES`], never cutting a character.
fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let cut = rest.floor_char_boundary(CHUNK_BYTES);
        let (chunk, tail) = rest.split_at(cut);
        rest = tail;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_bounded_whole_and_never_cut_a_character() {
        let text = "ä".repeat(20_000) + "x";
        let pieces: Vec<&str> = chunks(&text).collect();
        assert!(pieces.iter().all(|piece| piece.len() <= CHUNK_BYTES));
        assert_eq!(pieces.concat(), text);
        assert_eq!(pieces.len(), 3);
        assert_eq!(chunks("").count(), 0);
    }

    #[test]
    fn a_transcription_carries_livekit_attributes() {
        let options = Transcription {
            segment_id: "SG_1".into(),
            is_final: true,
            track: Some(TrackSid::parse("TR_1").unwrap()),
            speaker: None,
        }
        .into_options();
        assert_eq!(options.topic, "lk.transcription");
        assert_eq!(options.attributes["lk.transcription_final"], "true");
        assert_eq!(options.attributes["lk.segment_id"], "SG_1");
        assert_eq!(options.attributes["lk.transcribed_track_id"], "TR_1");
    }
}
