//! Text streams coming in: header, chunks and trailer put together again, within bounds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::data_stream::header::ContentHeader;
use proto::data_stream::{Chunk, Header, Trailer};
use trunkline_base::id::ParticipantIdentity;
use trunkline_base::secret::Personal;

use super::event::TextReceived;

/// Streams open at the same time. A conversation has a handful; more is an attack or a leak.
const OPEN_LIMIT: usize = 64;

/// Bytes of one text. LiveKit sets no limit; a transcript or an RPC stays far below this.
const TEXT_LIMIT: usize = 1024 * 1024;

/// A stream without news for this long is given up. An agent's reply is one stream for as long as
/// it is spoken, with news at each word.
const IDLE_LIMIT: Duration = Duration::from_secs(120);

/// A stream belongs to its sender: another's chunk with the same id is not part of it.
type Key = (String, String);

#[derive(Debug)]
struct Open {
    topic: String,
    attributes: BTreeMap<String, String>,
    content: Vec<u8>,
    next_chunk: u64,
    touched: Instant,
}

/// Puts text streams together.
#[derive(Debug, Default)]
pub(super) struct TextAssembly {
    open: BTreeMap<Key, Open>,
}

impl TextAssembly {
    /// A stream begins. Byte streams are not ours to read. A header that carries its whole content
    /// is a stream by itself.
    pub(super) fn on_header(
        &mut self,
        from: &str,
        header: Header,
        now: Instant,
    ) -> Option<TextReceived> {
        if !matches!(header.content_header, Some(ContentHeader::TextHeader(_))) {
            return None;
        }
        self.forget_idle(now);
        let compressed = header.compression != 0;
        if compressed
            || header
                .total_length
                .is_some_and(|total| total > TEXT_LIMIT as u64)
        {
            tracing::debug!(topic = %header.topic, compressed, "text stream not taken");
            return None;
        }
        let key = (from.to_owned(), header.stream_id);
        let open = Open {
            topic: header.topic,
            attributes: header.attributes.into_iter().collect(),
            content: header.inline_content.unwrap_or_default(),
            next_chunk: 0,
            touched: now,
        };
        let is_whole = header
            .total_length
            .is_some_and(|total| total > 0 && total == open.content.len() as u64);
        if is_whole {
            return finish(key, open, BTreeMap::new());
        }
        if self.open.len() >= OPEN_LIMIT {
            self.forget_oldest();
        }
        self.open.insert(key, open);
        None
    }

    /// A stream goes on. A hole or an overflow ends it: half a text is worse than none.
    pub(super) fn on_chunk(&mut self, from: &str, chunk: Chunk, now: Instant) {
        let key = (from.to_owned(), chunk.stream_id);
        let Some(open) = self.open.get_mut(&key) else {
            return;
        };
        if chunk.chunk_index < open.next_chunk {
            return; // a repeat
        }
        let fits = open.content.len() + chunk.content.len() <= TEXT_LIMIT;
        if chunk.chunk_index > open.next_chunk || !fits {
            self.open.remove(&key);
            return;
        }
        open.content.extend_from_slice(&chunk.content);
        open.next_chunk += 1;
        open.touched = now;
    }

    /// A stream ends.
    pub(super) fn on_trailer(&mut self, from: &str, trailer: Trailer) -> Option<TextReceived> {
        let key = (from.to_owned(), trailer.stream_id);
        let open = self.open.remove(&key)?;
        // A reason says that the sender gave up.
        if !trailer.reason.is_empty() {
            return None;
        }
        finish(key, open, trailer.attributes.into_iter().collect())
    }

    fn forget_idle(&mut self, now: Instant) {
        self.open
            .retain(|_, open| now.saturating_duration_since(open.touched) < IDLE_LIMIT);
    }

    fn forget_oldest(&mut self) {
        let oldest = self.open.iter().min_by_key(|(_, open)| open.touched);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.open.remove(&key);
        }
    }
}

fn finish((from, id): Key, open: Open, trailer: BTreeMap<String, String>) -> Option<TextReceived> {
    let text = String::from_utf8(open.content).ok()?;
    let mut attributes = open.attributes;
    attributes.extend(trailer);
    Some(TextReceived {
        topic: open.topic,
        from: ParticipantIdentity::parse(from).ok(),
        id,
        attributes,
        text: Personal::new(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(id: &str) -> Header {
        Header {
            stream_id: id.into(),
            topic: "lk.chat".into(),
            content_header: Some(ContentHeader::TextHeader(Default::default())),
            attributes: [("a".to_owned(), "1".to_owned())].into(),
            ..Default::default()
        }
    }

    fn chunk(id: &str, index: u64, content: &[u8]) -> Chunk {
        Chunk {
            stream_id: id.into(),
            chunk_index: index,
            content: content.into(),
            ..Default::default()
        }
    }

    fn trailer(id: &str) -> Trailer {
        Trailer {
            stream_id: id.into(),
            attributes: [("b".to_owned(), "2".to_owned())].into(),
            ..Default::default()
        }
    }

    #[test]
    fn pieces_become_a_text_and_a_cut_character_is_whole_again() {
        let now = Instant::now();
        let mut assembly = TextAssembly::default();
        assert!(assembly.on_header("alice", header("s"), now).is_none());
        let word = "grün".as_bytes();
        assembly.on_chunk("alice", chunk("s", 0, &word[..3]), now);
        assembly.on_chunk("alice", chunk("s", 0, &word[..3]), now);
        assembly.on_chunk("mallory", chunk("s", 1, b"evil"), now);
        assembly.on_chunk("alice", chunk("s", 1, &word[3..]), now);
        let text = assembly.on_trailer("alice", trailer("s")).unwrap();
        assert_eq!(text.text.expose(), "grün");
        assert_eq!((text.topic.as_str(), text.id.as_str()), ("lk.chat", "s"));
        assert_eq!(text.attributes.len(), 2);
        assert!(assembly.on_trailer("alice", trailer("s")).is_none());
    }

    #[test]
    fn holes_overflows_and_abandoned_streams_give_nothing() {
        let now = Instant::now();
        let mut assembly = TextAssembly::default();
        assembly.on_header("a", header("hole"), now);
        assembly.on_chunk("a", chunk("hole", 1, b"x"), now);
        assert!(assembly.on_trailer("a", trailer("hole")).is_none());

        assembly.on_header("a", header("big"), now);
        for index in 0..200 {
            assembly.on_chunk("a", chunk("big", index, &[b'x'; 15_000]), now);
        }
        assert!(assembly.on_trailer("a", trailer("big")).is_none());

        for stream in 0..1000 {
            assembly.on_header("a", header(&stream.to_string()), now);
        }
        assert_eq!(assembly.open.len(), OPEN_LIMIT);
        assembly.on_header("a", header("later"), now + IDLE_LIMIT);
        assert_eq!(assembly.open.len(), 1);
    }

    #[test]
    fn a_header_with_its_whole_content_needs_nothing_more() {
        let mut assembly = TextAssembly::default();
        let whole = Header {
            inline_content: Some(b"hi".to_vec()),
            total_length: Some(2),
            ..header("s")
        };
        let text = assembly.on_header("a", whole, Instant::now()).unwrap();
        assert_eq!(text.text.expose(), "hi");
    }
}
