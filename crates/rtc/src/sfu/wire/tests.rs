use livekit_protocol::data_stream::{ByteHeader, Chunk, Header, TextHeader, Trailer};
use livekit_protocol::{ChatMessage, Transcription};

use super::*;

const OWN: (&str, &str) = ("real", "PA_1");

fn guest() -> Permissions {
    Permissions::default()
}

fn agent() -> Permissions {
    Permissions {
        agent: true,
        ..Permissions::default()
    }
}

fn hidden() -> Permissions {
    Permissions {
        hidden: true,
        ..Permissions::default()
    }
}

fn forged(value: Value) -> DataPacket {
    DataPacket {
        participant_identity: "ann".to_owned(),
        participant_sid: "PA_ann".to_owned(),
        value: Some(value),
        ..Default::default()
    }
}

fn header(content: ContentHeader) -> Value {
    Value::StreamHeader(Header {
        stream_id: "s".to_owned(),
        content_header: Some(content),
        ..Default::default()
    })
}

fn stamped(packet: &DataPacket, permissions: &Permissions) -> DataPacket {
    let raw = packet.encode_to_vec();
    let stamp = Stamp::of(packet, OWN, permissions, false);
    DataPacket::decode(&stamp.apply(&raw, packet)[..]).unwrap()
}

#[test]
#[expect(deprecated, reason = "older clients read the kind")]
fn a_forged_sender_is_overridden_and_unknown_members_survive() {
    let packet = forged(Value::StreamTrailer(Trailer::default()));
    let mut raw = packet.encode_to_vec();
    put(999, "from the future", &mut raw);
    let out = Stamp::of(&packet, OWN, &guest(), false).apply(&raw, &packet);
    let read = DataPacket::decode(&out[..]).unwrap();
    assert_eq!(read.participant_identity, "real");
    assert_eq!((read.participant_sid.as_str(), read.kind), ("PA_1", 1));
    assert!(out.windows(15).any(|w| w == b"from the future"));
}

/// A hidden sender's session was told inside and outside of its user packets.
#[test]
#[expect(deprecated, reason = "older clients read the inner fields")]
fn a_hidden_sender_stays_hidden() {
    let user = UserPacket {
        participant_identity: "real".to_owned(),
        participant_sid: "PA_1".to_owned(),
        ..Default::default()
    };
    for value in [
        Value::User(user),
        Value::ChatMessage(ChatMessage::default()),
        header(ContentHeader::ByteHeader(ByteHeader::default())),
    ] {
        let packet = forged(value);
        let stamp = Stamp::of(&packet, OWN, &hidden(), true);
        let bytes = stamp.apply(&packet.encode_to_vec(), &packet);
        let read = DataPacket::decode(&bytes[..]).unwrap();
        assert_eq!(
            (
                read.participant_identity.as_str(),
                read.participant_sid.as_str()
            ),
            ("", "")
        );
        if let Some(Value::User(user)) = read.value {
            assert_eq!(
                (
                    user.participant_identity.as_str(),
                    user.participant_sid.as_str()
                ),
                ("", "")
            );
        }
    }
}

#[test]
#[expect(deprecated, reason = "older clients read the inner fields")]
fn user_packets_are_stamped_and_addressed_inside_too() {
    let user = UserPacket {
        payload: vec![1],
        destination_identities: vec!["eve".to_owned()],
        ..Default::default()
    };
    let packet = DataPacket {
        destination_identities: vec!["bob".to_owned()],
        ..forged(Value::User(user))
    };
    let read = stamped(&packet, &guest());
    assert_eq!(
        (read.kind, read.destination_identities),
        (1, vec!["bob".to_owned()])
    );
    let Some(Value::User(user)) = read.value else {
        panic!("not a user packet")
    };
    assert_eq!(
        (
            user.participant_identity.as_str(),
            user.participant_sid.as_str()
        ),
        OWN
    );
    assert_eq!(
        (user.payload, user.destination_identities),
        (vec![1], vec!["bob".to_owned()])
    );
}

/// As the official server: what an agent writes for another is marked, and bears its name.
#[test]
fn an_agent_speaks_for_others_in_chat_and_text_streams_and_it_shows() {
    let chat = stamped(
        &forged(Value::ChatMessage(ChatMessage::default())),
        &agent(),
    );
    assert_eq!(
        (
            chat.participant_identity.as_str(),
            chat.participant_sid.as_str()
        ),
        ("ann", "PA_1")
    );
    let Some(Value::ChatMessage(chat)) = chat.value else {
        panic!("not a chat message")
    };
    assert!(chat.generated);
    let text = header(ContentHeader::TextHeader(TextHeader::default()));
    let text = stamped(&forged(text), &agent());
    assert_eq!(text.participant_identity, "ann");
    let Some(Value::StreamHeader(header)) = text.value else {
        panic!("not a header")
    };
    let Some(ContentHeader::TextHeader(text)) = header.content_header else {
        panic!("not a text stream")
    };
    assert!(text.generated);
}

/// Agents could send files and captions in the name of anybody.
#[test]
fn an_agent_bears_its_own_name_in_all_else() {
    let others = [
        header(ContentHeader::ByteHeader(ByteHeader::default())),
        Value::StreamHeader(Header::default()),
        Value::StreamChunk(Chunk::default()),
        Value::StreamTrailer(Trailer::default()),
        Value::Transcription(Transcription::default()),
        Value::User(UserPacket::default()),
        Value::RpcRequest(livekit_protocol::RpcRequest::default()),
        Value::SipDtmf(livekit_protocol::SipDtmf::default()),
    ];
    for value in others {
        let read = stamped(&forged(value), &agent());
        assert_eq!(read.participant_identity, "real", "{:?}", read.value);
    }
}

#[test]
fn nobody_else_speaks_for_others_and_own_words_are_not_generated() {
    let chat = || Value::ChatMessage(ChatMessage::default());
    let of_guest = stamped(&forged(chat()), &guest());
    assert_eq!(of_guest.participant_identity, "real");
    let own = DataPacket {
        participant_identity: "real".to_owned(),
        ..forged(chat())
    };
    for packet in [stamped(&own, &agent()), of_guest] {
        let Some(Value::ChatMessage(chat)) = packet.value else {
            panic!("not a chat message")
        };
        assert!(!chat.generated);
    }
}
