//! LiveKit over WebRTC as pure state machines: peer, participant and SFU.
