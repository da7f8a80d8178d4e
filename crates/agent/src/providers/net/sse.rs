//! Server-sent events, as far as providers use them: `data:` lines, one JSON document each.

/// Cuts a byte stream into the data of its events.
#[derive(Debug, Default)]
pub struct Events {
    buffer: Vec<u8>,
}

/// An event longer than this is no answer.
const LONGEST: usize = 1024 * 1024;

/// The stream holds something that is no event.
#[derive(Debug, PartialEq, Eq)]
pub struct Garbled;

impl Events {
    /// Takes more of the stream.
    ///
    /// # Errors
    /// [`Garbled`] when an event is longer than any answer.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Garbled> {
        if self.buffer.len() + bytes.len() > LONGEST {
            return Err(Garbled);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }
}

impl Iterator for Events {
    type Item = Result<String, Garbled>;

    /// The data of the next whole line that has some; more may come when more was fed.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let Ok(line) = String::from_utf8(line) else {
                return Some(Err(Garbled));
            };
            let line = line.trim_end_matches(['\n', '\r']);
            if let Some(data) = line.strip_prefix("data:") {
                return Some(Ok(data.trim().to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_out_wherever_the_network_cuts() {
        let whole = ": hi\r\ndata: {\"a\":\"\u{e4}\"}\r\n\r\nevent: x\ndata:[DONE]\n\n".as_bytes();
        for cut in 0..whole.len() {
            let mut events = Events::default();
            let mut data = Vec::new();
            let (left, right) = whole.split_at(cut);
            for part in [left, right] {
                events.feed(part).unwrap();
                data.extend(events.by_ref().map(Result::unwrap));
            }
            assert_eq!(data, ["{\"a\":\"\u{e4}\"}", "[DONE]"], "cut at {cut}");
        }
    }
}
