//! One leg in a room, one outside: SIP gateway and call recorder.

pub mod egress;
pub mod sip;
