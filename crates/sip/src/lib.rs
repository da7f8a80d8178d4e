//! SIP, SDP and RTP sessions as pure state machines, and the one trunk and rule matcher.
