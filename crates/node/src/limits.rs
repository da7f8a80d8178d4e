//! How much a node takes on.

/// Admission limits. 0 is not "off" here: every queue and map has a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub rooms: usize,
    /// Tracks published on the whole node; with that many, no more rooms are opened and nobody
    /// more is let in.
    pub tracks: usize,
    /// All participants of a room, dependents included.
    pub participants_per_room: usize,
    pub metadata_bytes: usize,
    pub attributes_bytes: usize,
    pub name_bytes: usize,
    /// Largest data packet forwarded.
    pub data_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // One machine carries some hundreds of calls, one room each; this is the point where
            // refusing is kinder than slowing every call.
            rooms: 2_000,
            // A track of audio each; far above what the CPU of one machine forwards.
            tracks: 20_000,
            participants_per_room: 200,
            metadata_bytes: 524_288,
            attributes_bytes: 65_536,
            name_bytes: 256,
            data_bytes: 65_535,
        }
    }
}
